// Installs Node.js with its npm from npm packages below /usr/local, like an installer.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { installPackages, projectRoot } from "./system.mjs";

/** Node's version -> the version of its npm. */
export const NODES = { 20.19: "10.8", 22: "10.9", 24: "11", 26: "11" };

/** Node's version -> packages without which Node itself does not start. */
const NODE_NEEDS = { 26: ["libatomic1"] };

/** Downloads a package if it is missing; returns the path of its archive. */
function pack(name) {
  const folder = join(projectRoot, ".cache/bare/node");
  mkdirSync(folder, { recursive: true });
  const args = ["pack", name, "--json", "--prefer-offline", "--pack-destination", folder];
  const { status, stdout, stderr } = spawnSync("npm", args, { encoding: "utf8", cwd: folder });
  assert.equal(status, 0, `npm pack ${name}: ${stderr.trim()}`);
  const printed = JSON.parse(stdout);
  return join(folder, (Array.isArray(printed) ? printed : Object.values(printed)).at(-1).filename);
}

function unpack(archive, folder) {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync("tar", [
    "-C",
    folder,
    "--strip-components=1",
    "--no-same-owner",
    "-xf",
    archive,
  ]);
  assert.equal(status, 0, `${archive}: ${stderr}`);
}

/** Installs a Node.js in the bare system. */
export function installNode(system, version) {
  const local = join(system.root, "usr/local");
  installPackages(system, NODE_NEEDS[version] ?? []);
  unpack(pack(`node-linux-${process.arch}@${version}`), local);
  unpack(pack(`npm@${NODES[version]}`), join(local, "lib/node_modules/npm"));
  for (const name of ["npm", "npx"])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, "bin", name));
}
