import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { temporaryFolder } from "../folders";

/** Writes 512 MB at once. */
const CHILD = `
const { writeFileAtomically } = require("guie/dist/common/files");
writeFileAtomically(process.argv[1], Buffer.alloc(2 ** 29, 1));
`;

test("killed in the middle of writing: the file is not there under its name", async (t) => {
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
