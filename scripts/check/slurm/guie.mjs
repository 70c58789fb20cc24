// The project's folder, and its command line in one process: what jobs are compared with.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Runs `guie` and waits for its end. @throws Error if it fails */
export async function guie(...args) {
  await promisify(execFile)(process.execPath, [join(root, "lib/bin/guie.js"), ...args]);
}
