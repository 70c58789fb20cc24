// The room that files take on disk.
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Returns the bytes of all files below a folder; a file with several names in it (a hard link) counts once. */
export function bytesBelow(folder: string): number {
  const seen = new Set<number>();
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const found = lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (!found || seen.has(found.ino)) continue;
    seen.add(found.ino);
    bytes += found.size;
  }
  return bytes;
}

/** Formats bytes: "249 MB", "1.9 MB", "12 KB". */
export function bytesText(bytes: number): string {
  const mb = bytes / 2 ** 20;
  if (mb >= 10) return `${Math.round(mb).toLocaleString("en-US")} MB`;
  return mb >= 0.1 ? `${mb.toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} KB`;
}
