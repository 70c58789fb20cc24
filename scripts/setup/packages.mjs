import { existsSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf, run } from "./run.mjs";

/** npm packages, exactly as the lock file says; no package's own scripts are run (some would download). */
export const packagesStep = {
  title: "npm packages",
  stampFile: "node_modules/.setup/packages",
  fingerprint: (root) =>
    fingerprintOf(
      ["package.json", "package-lock.json", "lib/package.json"].map((f) => join(root, f)),
      process.arch,
    ),
  isWhole: (root) =>
    existsSync(join(root, "node_modules/typescript")) && existsSync(join(root, "node_modules/guie")),
  run: (root) =>
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: root,
      next: "look at npm's message above (is the npm registry reachable? is the disk full?), then: npm run setup",
    }),
};
