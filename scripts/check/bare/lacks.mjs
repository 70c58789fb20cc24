// Finds the missing packages of a bare machine one by one, by the set-up's advice.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyProject, installPackages, PATH } from "./system.mjs";

const SET_UP = "node scripts/setup.mjs";
const MOST_LACKS = 10;

/** Parses the set-up's requirement and advice, each in one line. */
function readNeed(output) {
  const [, what, found, next] =
    /^set-up failed: needed: (.*); found: (.*)\n {2}Next: (.*)$/m.exec(output) ?? [];
  assert.ok(what && next, `the set-up failed without a need in words:\n${output.slice(-3000)}`);
  return { what, found, next };
}

const describeNeed = ({ what, found, next }) => `needed: ${what}; found: ${found} -> ${next}`;

/** Returns the packages that a line of advice installs. */
function packagesIn(next) {
  const [, packages = ""] = /apt-get install ((?:[a-z0-9][a-z0-9+.-]* ?)+)/.exec(next) ?? [];
  return packages.trim().split(" ").filter(Boolean);
}

/**
 * Runs the set-up until it succeeds, and installs one package that it names after each failure.
 * @returns the duration of the successful run in seconds
 */
export function setUpByAdvice(system, options, onLack) {
  const installed = new Set();
  for (let i = 0; i < MOST_LACKS; i++) {
    const startedAtMs = performance.now();
    const { status, output } = system.run(SET_UP, options);
    if (status === 0) return (performance.now() - startedAtMs) / 1000;
    const need = readNeed(output);
    onLack(describeNeed(need));
    const missing = packagesIn(need.next).find((name) => !installed.has(name));
    assert.ok(missing, `its advice does not help: ${describeNeed(need)}`);
    installPackages(system, [missing]);
    installed.add(missing);
  }
  throw new Error(`the set-up still lacks something after ${MOST_LACKS} installations`);
}

/** Checks that a Python that is too new and a disk that is too small are refused before anything is installed. */
export function refuseOthers(system, { cwd }, onLack) {
  const fake = join(system.root, "opt/newer-python");
  mkdirSync(fake, { recursive: true });
  writeFileSync(join(fake, "python3"), "#!/bin/sh\necho Python 3.14.0\n", { mode: 0o755 });
  const env = { PATH: `/opt/newer-python:${PATH}` };
  expectNeed(system.run(SET_UP, { cwd, env }), /Python 3\.10 to 3\.13/, onLack);

  const small = "/opt/small-disk";
  mkdirSync(join(system.root, small));
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256m", "tmpfs", join(system.root, small)]);
  assert.equal(mount.status, 0, String(mount.stderr));
  copyProject(system, `${small}/project`);
  expectNeed(system.run(SET_UP, { cwd: `${small}/project` }), /GB of disk/, onLack);
}

function expectNeed({ status, output }, pattern, onLack) {
  assert.equal(status, 1, `the set-up should have been refused:\n${output.slice(-1000)}`);
  const need = readNeed(output);
  assert.match(need.what, pattern);
  onLack(describeNeed(need));
}
