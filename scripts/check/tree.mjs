// docs/tree.md names every file of lib, scripts, bench and notebooks, and no file that is gone.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const tree = readFileSync(join(root, "docs/tree.md"), "utf8");
const named = new Set(tree.match(/[\w.-]+\.(ts|js|mjs|ipynb)\b/g));
const files = execFileSync("git", ["ls-files", "lib", "scripts", "notebooks", "bench"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => /\.(ts|js|mjs|ipynb)$/.test(file) && !file.startsWith("scripts/tfjs-node/"))
  .map((file) => basename(file));

const missing = files.filter((file) => !named.has(file));
const gone = [...named].filter((file) => !files.includes(file));
if (missing.length > 0) console.error(`docs/tree.md lacks ${missing.join(", ")}`);
if (gone.length > 0) console.error(`docs/tree.md names files that are not there: ${gone.join(", ")}`);
if (missing.length + gone.length > 0) process.exitCode = 1;
