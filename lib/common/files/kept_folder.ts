// The folder for results that can be computed again: features, looks, graphs of neighbours.
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { noticeOnce } from "../notice";
import { projectPath } from "../project";
import { whyNotWritten } from "./files";

/** Environment variable that names one folder for all such results. */
const CACHE_VARIABLE = "GUIE_CACHE_DIR";

/** Returns the project's folder for what can be made again and belongs to no data directory or run. */
export function cacheFolder(): string {
  return projectPath(".cache");
}

/**
 * Returns the folder `parts` for results about `home`, a data directory or a run: below `GUIE_CACHE_DIR` if that is
 * set, else below `home` itself. If `home` is not writable, such as shared data mounted read-only, the folder is below
 * `.cache/kept` of the project, and a line on standard error says so.
 */
export function keptFolder(home: string, ...parts: string[]): string {
  const { [CACHE_VARIABLE]: cache } = process.env;
  const name = `${basename(home)}-${createHash("sha256").update(home).digest("hex").slice(0, 8)}`;
  if (cache) return join(resolve(cache), name, ...parts);
  if (!whyNotWritten(join(home, ...parts))) return join(home, ...parts);
  const folder = projectPath(".cache", "kept", name);
  noticeOnce(
    `${home} is not writable: its cached results go to ${folder} (${CACHE_VARIABLE} names another place).`,
  );
  return join(folder, ...parts);
}
