// npm run check:attack [-- SEED [mutations [requests]]]: attacks a service with images of many scans, idle and slow
// clients, the largest images, 10,000 requests and a SIGTERM; then reads 200 mutations of each kind of file. Uses a
// tiny run of random weights, needs no network and a few minutes; deterministic by the seed (7).
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { endAttack, idleAttack, manyRequests, memoryAttack, repeatedScansAttack } from "./attack/clients.mjs";
import { mutationTable } from "./attack/mutations.mjs";
import { startServiceProcess } from "./service_process.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { makeTinyRun } = require(join(root, "build/test/serving/tiny_service.js"));
const { readRetrievalFiles } = require("guie/dist/training/data/read_run_data");

const [SEED = 7, MUTATIONS = 200, REQUESTS = 10_000] = process.argv.slice(2).map(Number);
const DRAIN_MS = 3_000;

const scratch = mkdtempSync(join(tmpdir(), "check-attack-"));
const folders = { cwd: join(scratch, "cwd"), temporary: join(scratch, "tmp") };
for (const folder of Object.values(folders)) mkdirSync(folder);
const cleanUps = [() => rmSync(scratch, { recursive: true, force: true })];
try {
  const tiny = await makeTinyRun({ after: (clean) => cleanUps.push(clean) });
  const [file] = (await readRetrievalFiles(tiny.dataDir)).index.files;
  const good = readFileSync(join(tiny.dataDir, file));
  const service = await startServiceProcess(tiny.run, folders, ["--drain-ms", String(DRAIN_MS)]);
  cleanUps.push(() => service.child.kill("SIGKILL"));
  await repeatedScansAttack(service, good);
  await idleAttack(service, good);
  await memoryAttack(service, good);
  await manyRequests(service, good, REQUESTS);
  await endAttack(service, DRAIN_MS);
  const bad = await mutationTable({ tiny, scratch, seed: SEED, count: MUTATIONS });
  for (const text of bad) console.error(`check: ${text.trim()}`);
  if (bad.length > 0) process.exitCode = 1;
  else console.log("check: other clients are answered, no crash, no hang, memory is freed: ok");
} finally {
  for (const clean of cleanUps.reverse()) await clean();
}
