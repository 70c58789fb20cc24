// `npm run check`: checks strict types, lint, format, notebooks and generated pages. Runs all; fails if any fails.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";

guardScript("check");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Name of a check -> the Node script that does it. */
const CHECKS = {
  "types (tsc, strict)": ["node_modules/typescript/bin/tsc", "-b"],
  "types of bench (tsc, by JSDoc)": ["node_modules/typescript/bin/tsc", "-p", "bench"],
  "lint and format (biome)": ["node_modules/@biomejs/biome/bin/biome", "check", "."],
  notebooks: ["scripts/check/notebooks.mjs"],
  pictures: ["scripts/check/pictures.mjs"],
  "docs/reference/tree.md": ["scripts/check/tree.mjs"],
  "docs/reference/presets.md": ["scripts/check/presets.mjs"],
  "docs/how_to/scale.md": ["scripts/check/scale.mjs"],
  "docs/background/speed.md": ["scripts/check/speed.mjs"],
};

for (const [name, args] of Object.entries(CHECKS)) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  console.log(`check: ${name}: ${status === 0 ? "ok" : "failed"}`);
  if (status !== 0) process.exitCode = 1;
}
