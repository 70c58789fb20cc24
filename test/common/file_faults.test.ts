// Faults of files and faults of the environment: the latter are waited for, reported, and never taken for a result.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  environmentFault,
  readPatiently,
  requireFoldersOf,
  UnreachableFile,
} from "guie/dist/common/files/file_faults";
import { temporaryFolder } from "../folders";

/** An error as the file system throws it. */
const fault = (code: string) => Object.assign(new Error(`${code}: a word, open 'x'`), { code });
const ENVIRONMENT =
  "ENOENT EIO EACCES EPERM ESTALE EMFILE ENFILE ENOTCONN ETIMEDOUT EHOSTDOWN ENODEV ENOMEM EREMOTEIO".split(
    " ",
  );
const OWN_FILE = "EISDIR ELOOP ENAMETOOLONG ENOTDIR".split(" ");

test("codes of the environment's faults are found, also below other errors; a file's faults and other errors are not", () => {
  for (const code of ENVIRONMENT) {
    assert.equal(environmentFault(fault(code)), code);
    assert.equal(environmentFault(new Error("while reading", { cause: fault(code) })), code);
  }
  for (const error of [
    ...OWN_FILE.map(fault),
    new Error("corrupt"),
    fault("ERR_INVALID_ARG_VALUE"),
    undefined,
  ])
    assert.equal(environmentFault(error), undefined);
});

test("a fault of the environment is waited for as often as there are pauses, then reported with what to do next", async () => {
  for (const code of ENVIRONMENT) {
    let tries = 0;
    const late = () => {
      if (++tries < 3) throw fault(code);
      return "read";
    };
    assert.equal(await readPatiently("a.jpg", late, [1, 1]), "read");
    assert.equal(tries, 3);
    const never = () => Promise.reject(fault(code));
    await assert.rejects(readPatiently("a.jpg", never, [1, 1]), (error: Error) => {
      assert.ok(error instanceof UnreachableFile);
      assert.match(error.message, /^a\.jpg cannot be read now: .+\.\n {2}Next: .*run it again/);
      return true;
    });
  }
});

test("a file's own fault is thrown at once, unchanged", async () => {
  for (const code of OWN_FILE) {
    let tries = 0;
    const own = () => {
      tries++;
      throw fault(code);
    };
    await assert.rejects(readPatiently("a.jpg", own, [1, 1]), { code });
    assert.equal(tries, 1);
  }
});

test("a file that comes back during the wait is read: its folder was moved away, then put back", async (t) => {
  const folder = temporaryFolder(t);
  const [here, away] = [join(folder, "here"), join(folder, "away")];
  mkdirSync(away);
  writeFileSync(join(away, "a.txt"), "whole");
  let tries = 0;
  const read = () => {
    if (++tries === 2) renameSync(away, here);
    return readFileSync(join(here, "a.txt"), "utf8");
  };
  assert.equal(await readPatiently("a.txt", read, [1, 1]), "whole");
  assert.equal(tries, 2);
});

test("a deleted file is no fault of the environment; a folder that is missing, empty, or a dead link is", (t) => {
  const folder = temporaryFolder(t);
  for (const name of ["full", "empty"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "full/a.jpg"), "");
  symlinkSync(join(folder, "unplugged"), join(folder, "link"));
  requireFoldersOf([join(folder, "full/b.jpg")]);
  const cases = { none: "not there", empty: "empty", link: "not there" };
  for (const [name, state] of Object.entries(cases)) {
    const missing = [join(folder, "full/b.jpg"), join(folder, name, "1.jpg"), join(folder, name, "2.jpg")];
    const message = new RegExp(
      `${name} cannot be read now: it is ${state}, with 2 images that are to be read`,
    );
    assert.throws(() => requireFoldersOf(missing), message);
  }
});
