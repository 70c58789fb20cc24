// npm run check:two-hosts: trains the tiny run with two ranks on two hosts, network namespaces of this machine joined
// by a virtual cable. The cable is cut in mid-run: both ranks must end within a minute with a line that gives the
// reason, leave no process, and after a restart reach the losses of an uninterrupted run. Without root and iproute2,
// nothing is checked.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HOSTS, makeHosts, processesOf, removeHosts, setCable } from "./hosts.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { runTraining } = require("guie/dist/training/run");
const { readMetrics, runFile } = require("guie/dist/runs/run_folder");
const { prepareRunFolder } = require("guie/dist/runs/start_folder");
const { makeTinyData } = require(join(root, "build/test/training/tiny_data.js"));
const { assertSameLosses, lossesOf, removeRuns, runConfig } = require(
  join(root, "build/test/training/rank_runs.js"),
);

const PORT = 4711;
const STEPS = { nEpochs: 100, cpktSteps: 5, marginStep: 0 };
const ONE_MINUTE_MS = 60_000;

/** Starts the same command on both hosts; each promise resolves to exit code and output. */
function trainOnBoth(folder) {
  return HOSTS.map(({ namespace }, index) => {
    const worker = HOSTS.map(({ address }) => `${address}:${PORT}`);
    const child = spawn(
      "ip",
      [
        "netns",
        "exec",
        namespace,
        process.execPath,
        join(root, "lib/bin/guie.js"),
        "train",
        "--run-dir",
        folder,
      ],
      {
        env: {
          ...process.env,
          TF_CONFIG: JSON.stringify({ cluster: { worker }, task: { type: "worker", index } }),
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
    return once(child, "close").then(([code]) => ({ code, text }));
  });
}

async function stepsTaken(folder, count) {
  for (let i = 0; i < 3000; i++, await sleep(20)) if (lossesOf(folder).length >= count) return;
  assert.fail(`no ${count} steps in ${folder}`);
}

/** Returns the addresses on which a namespace listens. */
function listeningAddresses(namespace) {
  const { stdout } = spawnSync("ip", ["netns", "exec", namespace, "ss", "-Htln"], { encoding: "utf8" });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.trim().split(/\s+/)[3]);
}

async function unbroken(dataDir) {
  const folder = prepareRunFolder(runConfig("two-hosts-unbroken", dataDir, 1, STEPS));
  await runTraining(folder);
  return lossesOf(folder);
}

async function cutAndGoOn(dataDir, expected) {
  const folder = prepareRunFolder(runConfig("two-hosts", dataDir, 2, STEPS));
  const first = trainOnBoth(folder);
  await stepsTaken(folder, 20);
  for (const { namespace, address } of HOSTS) {
    const there = listeningAddresses(namespace);
    assert.ok(there.includes(`[::ffff:${address}]:${PORT}`), `${there}`);
    assert.ok(
      there.every((one) => one.includes(address)),
      `something listens on other addresses: ${there}`,
    );
  }
  console.log("check: two hosts train; their servers listen only on their own addresses");
  setCable("down");
  const cutAtMs = Date.now();
  const ends = await Promise.all(first);
  const seconds = (Date.now() - cutAtMs) / 1000;
  const [chief, member] = ends.map(({ text }) =>
    text.split("\n").filter((line) => line.includes("The run has ended")),
  );
  assert.deepEqual(
    ends.map(({ code }) => code),
    [75, 75],
  );
  assert.match(chief.join("\n"), /rank 1 of 2 on 10\.213\.77\.2:4711: no sign of life/);
  assert.match(member.join("\n"), /rank 0 of 2 on 10\.213\.77\.1:4711: no sign of life/);
  assert.ok(seconds * 1000 < ONE_MINUTE_MS, `${seconds} s`);
  for (const { namespace } of HOSTS) assert.deepEqual(processesOf(namespace), []);
  assert.ok(lossesOf(folder).length < expected.length, "the cut came too late to test anything");
  console.log(
    `check: the cable was cut after step ${lossesOf(folder).length}; ${seconds.toFixed(0)} s later both had ended:`,
  );
  for (const line of [...chief, ...member]) console.log(`  ${line}`);
  setCable("up");
  for (const { code, text } of await Promise.all(trainOnBoth(folder))) assert.equal(code, 0, text);
  assertSameLosses(lossesOf(folder), expected);
  const end = readMetrics(folder).at(-1);
  assert.equal(end.reason, "finished");
  assert.ok(existsSync(runFile(folder, "last")));
  console.log(
    `check: started again, they ended with the unbroken run's losses over ${expected.length} steps`,
  );
}

const reason = makeHosts();
if (reason !== undefined) {
  console.log(`check: two hosts: not checked, network namespaces cannot be made here (${reason})`);
} else {
  const dataDir = await makeTinyData();
  try {
    await cutAndGoOn(dataDir, await unbroken(dataDir));
  } finally {
    removeHosts();
    removeRuns();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
