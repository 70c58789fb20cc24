// Set-up step: installs the npm packages.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { versionAtLeast } from "./machine.mjs";
import { fingerprintOf, run, SetupError } from "./run.mjs";

/** Returns the fields of package.json about packages; its commands may change without a new installation. */
function packageFields(root) {
  const { workspaces, dependencies, devDependencies, overrides } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  return JSON.stringify({ workspaces, dependencies, devDependencies, overrides });
}

/** The first npm that supports package.json's overrides, and the one to fetch if the machine's is older. */
const [FIRST_NPM, FETCHED_NPM] = [[9, 9], "npm@10.9.9"];

/**
 * Returns the arguments between `npm` and its command: npm 9.2, of Debian 13, cannot read `overrides` of an address.
 */
function readableNpm() {
  const version = spawnSync("npm", ["--version"], { encoding: "utf8" }).stdout?.trim() ?? "";
  return versionAtLeast(version, FIRST_NPM) ? [] : ["exec", "--yes", `--package=${FETCHED_NPM}`, "--", "npm"];
}

/**
 * The step that installs npm packages exactly by the lock file; packages' own scripts are not run (some would
 * download).
 */
export const packagesStep = {
  title: "npm packages",
  stampFile: "node_modules/.setup/packages",
  fingerprint: (root) => fingerprintOf([join(root, "package-lock.json")], packageFields(root), process.arch),
  isWhole: (root) =>
    existsSync(join(root, "node_modules/typescript")) && existsSync(join(root, "node_modules/guie")),
  async run(root) {
    const next =
      "look at npm's message above (is the npm registry reachable? is the disk full?), then: npm run setup";
    const install = [...readableNpm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    const output = await run("npm", install, { cwd: root, next });
    // On a full disk npm leaves files out, warns, and ends with 0
    const unwritten = /^.*TAR_ENTRY_ERROR.*$/m.exec(output);
    if (unwritten) throw new SetupError(`npm could not write every file: ${unwritten[0]}`, next);
  },
};
