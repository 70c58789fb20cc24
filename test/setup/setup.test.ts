// The set-up as a command.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { temporaryFolder } from "../folders";

const setup = (env: NodeJS.ProcessEnv) =>
  spawnSync(process.execPath, [installPath("scripts/setup.mjs")], { env, encoding: "utf8" });

test("a second set-up finds everything up to date and does nothing", () => {
  const { status, stdout, stderr } = setup(process.env);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^set-up: everything is up to date \([\d.]+ s\)\n$/);
});

test("a missing requirement is named with the command that installs it", () => {
  const { status, stderr } = setup({ PATH: "/nonexistent" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /needed: Python 3\.10 to 3\.13 as python3 .*; found: none\n {2}Next: sudo apt-get install python3/,
  );
});

test("a Python that TensorFlow has no wheel for, or no compiler, is refused before anything is installed", (t) => {
  const folder = temporaryFolder(t);
  const python = (version: string) =>
    writeFileSync(join(folder, "python3"), `#!/bin/sh\necho Python ${version}\n`, { mode: 0o755 });
  for (const version of ["3.9.18", "3.14.0"]) {
    python(version);
    assert.match(
      setup({ PATH: folder }).stderr,
      new RegExp(`needed: Python 3\\.10 .*found: Python ${version}\n`),
    );
  }
  for (const version of ["3.10.13", "3.13.0"]) {
    python(version);
    const { status, stderr } = setup({ PATH: folder });
    assert.equal(status, 1);
    assert.match(stderr, /needed: npm; found: none\n {2}Next: sudo apt-get install npm/);
  }
  writeFileSync(join(folder, "npm"), "#!/bin/sh\necho 9.2.0\n", { mode: 0o755 });
  for (const version of ["3.10.13", "3.13.0"]) {
    python(version);
    const { status, stderr } = setup({ PATH: folder });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /needed: a C\+\+ compiler as c\+\+; found: none\n {2}Next: sudo apt-get install g\+\+/,
    );
  }
});
