// A file is on the disk before it gets its name, and the name is on the disk before the call returns.
import assert from "node:assert/strict";
import fs, { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { renameDurably } from "guie/dist/common/files/durable";
import { writeAtomically, writeFileAtomically, writeJson, writeTogether } from "guie/dist/common/files/files";
import { temporaryFolder, writeFile } from "../folders";

/** Records syncs and renames in order, by the last part of the path; temporary names without their ending. */
function watched(t: TestContext): string[] {
  const calls: string[] = [];
  const short = (path: string) => basename(path).replace(/\.\d+\.[0-9a-f]{8}\.tmp$/, "*");
  const { fsyncSync, renameSync } = fs;
  t.mock.method(fs, "fsyncSync", (file: number) => {
    calls.push(`sync ${short(readlinkSync(`/proc/self/fd/${file}`))}`);
    fsyncSync(file);
  });
  t.mock.method(fs, "renameSync", (from: string, to: string) => {
    calls.push(`rename ${short(from)}`);
    renameSync(from, to);
  });
  return calls;
}

test("every writer syncs the file, renames it, and syncs the folder", async (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  const calls = watched(t);
  writeFileAtomically(at("a"), "1");
  writeJson(at("b"), { one: 1 });
  await writeAtomically(at("c"), (temporary) => writeFileSync(temporary, "3"));
  const here = basename(folder);
  const one = (name: string) => [`sync ${name}*`, `rename ${name}*`, `sync ${here}`];
  assert.deepEqual(calls, [...one("a"), ...one("b"), ...one("c")]);
  assert.equal(readFileSync(at("c"), "utf8"), "3");

  calls.length = 0;
  await writeTogether([at("d"), at("e")], async (temporaries) => {
    for (const temporary of temporaries) writeFileSync(temporary, "x");
  });
  assert.deepEqual(calls, ["sync d*", "sync e*", "rename d*", "rename e*", `sync ${here}`]);

  calls.length = 0;
  writeFileAtomically(at("picture"), "pixels", { durable: false });
  assert.deepEqual(calls, ["rename picture*"]);
});

test("a folder is synced with all its contents; a failing disk leaves the old name", (t) => {
  const folder = temporaryFolder(t);
  writeFile(join(folder, "new", "deep", "file"), "1");
  mkdirSync(join(folder, "new", "empty"));
  const calls = watched(t);
  renameDurably(join(folder, "new"), join(folder, "old"));
  assert.deepEqual(calls, [
    "sync file",
    "sync deep",
    "sync empty",
    "sync new",
    "rename new",
    `sync ${basename(folder)}`,
  ]);
  t.mock.restoreAll();
  t.mock.method(fs, "fsyncSync", () => {
    throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  });
  writeFile(join(folder, "file"), "old");
  assert.throws(() => writeFileAtomically(join(folder, "file"), "new"), /EIO/);
  assert.equal(readFileSync(join(folder, "file"), "utf8"), "old");
  assert.equal(fs.readdirSync(folder).filter((name) => name.endsWith(".tmp")).length, 0);
  assert.ok(existsSync(join(folder, "old", "empty")));
});
