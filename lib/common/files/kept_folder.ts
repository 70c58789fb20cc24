// Where results that can be made again are kept: features, looks, graphs of neighbours.
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { noticeOnce } from "../notice";
import { projectPath } from "../project";
import { whyNotWritten } from "./files";

/** Names a folder for all of them, in place of the folders that they belong to. */
const ELSEWHERE = "GUIE_CACHE_DIR";

/** Returns the project's folder for what can be made again and belongs to no data directory or run. */
export function cacheFolder(): string {
  return projectPath(".cache");
}

/**
 * The folder `parts` of `home`, a data directory or a run: below `home` itself, or below `GUIE_CACHE_DIR` where that is
 * set. Where `home` may not be written to, such as shared data that are mounted read-only, it is below `.cache/kept` of
 * the project; a line on standard error says so.
 */
export function keptFolder(home: string, ...parts: string[]): string {
  const { [ELSEWHERE]: told } = process.env;
  const name = `${basename(home)}-${createHash("sha256").update(home).digest("hex").slice(0, 8)}`;
  if (told) return join(resolve(told), name, ...parts);
  if (!whyNotWritten(join(home, ...parts))) return join(home, ...parts);
  const folder = projectPath(".cache", "kept", name);
  noticeOnce(
    `${home} may not be written to: what is kept of it goes to ${folder} (${ELSEWHERE} names another place).`,
  );
  return join(folder, ...parts);
}
