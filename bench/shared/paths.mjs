// Where benchmarks are, and where they keep what they draw.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the project. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** Folder of what benchmarks draw once and use again. */
export const CACHE = join(ROOT, ".cache/bench");

/** Returns the files in the rooms of a checkout's `bench` folder, and in the folder itself, as name -> path. */
export function benchFiles(checkout = ROOT) {
  const entries = readdirSync(join(checkout, "bench"), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(".md"));
  return new Map(files.map(({ name, parentPath }) => [name, join(parentPath, name)]));
}
