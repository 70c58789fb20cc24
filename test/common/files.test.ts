// Atomic writes, and the leftovers of killed processes.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { removeAbandoned, writeAtomically } from "guie/dist/common/files/files";
import { temporaryFolder, writeFile } from "../folders";

/** Writes 512 MB at once. */
const CHILD = `
const { writeFileAtomically } = require("guie/dist/common/files/files");
writeFileAtomically(process.argv[1], Buffer.alloc(2 ** 29, 1));
`;

test("a process killed while writing leaves no file under the final name", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "large.bin");
  const child = spawn(process.execPath, ["-e", CHILD, path], { cwd: __dirname, stdio: "inherit" });
  const writtenBytes = () =>
    readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  while (writtenBytes() === 0 && child.exitCode === null) await pause(1);
  child.kill("SIGKILL");
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL");
  assert.ok(writtenBytes() > 0);
  assert.equal(existsSync(path), false);
});

test("renaming onto a second name of the same file leaves no temporary name behind", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "best.safetensors");
  writeFile(path, "weights");
  await writeAtomically(path, (temporary) => linkSync(path, temporary));
  assert.deepEqual([readdirSync(folder), readFileSync(path, "utf8")], [["best.safetensors"], "weights"]);
});

test("if only this machine writes, a dead process's files are deleted at once, a living one's stay", (t) => {
  const table = join(temporaryFolder(t), "table.csv");
  const { pid: dead } = spawnSync("true");
  const [left, living] = [dead, process.pid].map((pid) => `${table}.${pid}.0123abcd.tmp`) as [string, string];
  for (const file of [table, left, living]) writeFile(file, "a,b\n");
  const folders = [`${table}.${dead}.4567cdef.tmp`, `${table}.${dead}.4567cdef.tmp.d`];
  for (const folder of folders) writeFile(join(folder, "deep/x.csv"), "");
  removeAbandoned(table);
  assert.ok(existsSync(left), "an hour has not gone by");
  removeAbandoned(table, { ofThisMachine: true });
  assert.deepEqual(
    [table, left, living, ...folders].map((file) => existsSync(file)),
    [true, false, true, false, false],
  );
});
