// npm run check:serve [-- RUN [seconds]]: loads a service with 50 clients (for a minute by default): no error, no
// growth of memory; then sends 1,000 malformed uploads: none may end it or be written to disk. RUN defaults to
// demo_fine_tune.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { malformedUploads } from "./serve_fuzz.mjs";
import { health, residentMB, startServiceProcess } from "./service_process.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { projectPath } = require("guie/dist/common/project");
const { readRetrievalFiles } = require("guie/dist/training/data/read_run_data");
const { findCheckpoint } = require("guie/dist/runs/checkpoint_ref");
const { readRunConfig } = require("guie/dist/runs/run_folder");
const { FORM_TYPE, formBody } = require(join(root, "build/test/serving/tiny_service.js"));

const RUN = process.argv[2] ?? "demo_fine_tune";
const SECONDS = Number(process.argv[3] ?? 60);
const [CLIENTS, WARM_UP_SECONDS, MALFORMED, SEED] = [50, 20, 1000, 7];
/** Maximum growth of memory over the whole time, by a line fitted through its values of every second. */
const MOST_GROWTH_MB = 25;

const runFolder = findCheckpoint(RUN).folder;
const dataDir = projectPath(readRunConfig(runFolder).dataDir);
const { queries } = await readRetrievalFiles(dataDir);
const images = queries.files.map((file) => readFileSync(join(dataDir, file)));
/** Parent of the service's working folder and its folder for temporary files. */
const scratch = mkdtempSync(join(tmpdir(), "check-serve-"));
const [cwd, temporary] = ["cwd", "tmp"].map((name) => join(scratch, name));
for (const folder of [cwd, temporary]) mkdirSync(folder);

/** Sends searches from `CLIENTS` clients at once, each with one image after the other. */
async function load(url, seconds) {
  const requests = images.map((bytes) => ({
    method: "POST",
    path: "/search?k=12",
    headers: { "content-type": FORM_TYPE },
    body: formBody([{ bytes }]),
  }));
  const times = [];
  const running = autocannon({ url, connections: CLIENTS, duration: seconds, requests, timeout: 30 });
  running.on("response", (_client, _status, _bytes, timeMs) => times.push(timeMs));
  return { ...(await running), times: times.sort((a, b) => a - b) };
}

/** Returns the rise of a line through the values, by least squares. */
function growthOf(values) {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [up, across] = [0, 0];
  for (const [i, value] of values.entries()) {
    up += (i - middle) * (value - mean);
    across += (i - middle) ** 2;
  }
  return (up / across) * (values.length - 1);
}

async function underLoad({ child, url }) {
  await load(url, WARM_UP_SECONDS);
  const passesBefore = (await health(url)).load;
  const memory = [];
  const timer = setInterval(() => memory.push(residentMB(child.pid)), 1000);
  const result = await load(url, SECONDS);
  clearInterval(timer);
  const { images, passes } = (await health(url)).load;
  const percentile = (share) => Math.round(result.times[Math.floor(share * (result.times.length - 1))]);
  const inPasses = (images - passesBefore.images) / (passes - passesBefore.passes);
  console.log(
    `${CLIENTS} clients, ${SECONDS} s: ${result["2xx"]} searches, ${(result["2xx"] / SECONDS).toFixed(1)} a second, ` +
      `${inPasses.toFixed(1)} images a pass; latency ms: p50 ${percentile(0.5)}, p95 ${percentile(0.95)}, p99 ${percentile(0.99)}, most ${percentile(1)}`,
  );
  const every = Math.max(1, Math.floor(memory.length / 12));
  console.log(
    `memory MB: ${memory
      .filter((_, i) => i % every === 0)
      .map(Math.round)
      .join(" ")}`,
  );
  const growth = growthOf(memory);
  console.log(`memory grew by ${growth.toFixed(1)} MB in ${memory.length} s (least squares)`);
  const { errors, timeouts, non2xx } = result;
  assert.deepEqual({ errors, timeouts, non2xx }, { errors: 0, timeouts: 0, non2xx: 0 });
  assert.ok(growth < MOST_GROWTH_MB, `memory grew by ${growth} MB`);
}

async function neighboursOf(url, bytes) {
  const body = formBody([{ bytes }]);
  const response = await fetch(`${url}/search?k=12`, {
    method: "POST",
    headers: { "content-type": FORM_TYPE },
    body,
  });
  assert.equal(response.status, 200);
  return (await response.json()).neighbours.map(({ row }) => row);
}

/** Returns every file of the folders in which something could be left. */
function listing() {
  return [cwd, temporary, dataDir, runFolder].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((file) => join(folder, file)),
  );
}

async function underFuzz(service) {
  const { child, url } = service;
  const before = { files: listing(), neighbours: await neighboursOf(url, images[0]) };
  const counts = await malformedUploads(url, images, { count: MALFORMED, seed: SEED });
  console.log(`${MALFORMED} malformed uploads, answers: ${JSON.stringify(counts)}`);
  assert.equal(child.exitCode, null, "it is alive");
  assert.deepEqual(await neighboursOf(url, images[0]), before.neighbours, "it answers as before");
  const answered = Object.keys({ ...counts.uploads, ...counts.garbage });
  assert.deepEqual(
    answered.filter((status) => Number(status) >= 500),
    [],
    service.log,
  );
  assert.equal(counts.uploads.none, undefined, "every upload gets an answer");
  const left = listing().filter((file) => !before.files.includes(file));
  assert.deepEqual(left, [], "files left behind");
  await waitUntilIdle(url);
}

/** Checks that aborted uploads leave nothing under way. */
async function waitUntilIdle(url) {
  for (let i = 0; i < 100 && (await health(url)).load.underWay > 0; i++) await sleep(100);
  assert.equal((await health(url)).load.underWay, 0);
}

const service = await startServiceProcess(RUN, { cwd, temporary });
try {
  await underLoad(service);
  await underFuzz(service);
  service.child.kill("SIGTERM");
  const [code] = await service.closed;
  assert.equal(code, 0, service.log);
  const odd = service.log.split("\n").filter((line) => !/^(CPU|GPU|SIGTERM|http|\d+ images|$)/.test(line));
  console.log(
    odd.length > 0 ? `it printed:\n${odd.slice(0, 20).join("\n")}` : "it printed nothing unexpected",
  );
  console.log("check: no error, no growth, no crash, nothing on the disk: ok");
} finally {
  service.child.kill("SIGKILL");
  if (existsSync(scratch)) rmSync(scratch, { recursive: true });
}
