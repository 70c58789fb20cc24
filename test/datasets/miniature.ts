// Makes small data directories for tests.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** Makes a data directory; removes it at the end of the test if one is given. */
export function temporaryDataDir(t?: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), "guie-datasets-"));
  t?.after(() => removeDataDir(dataDir));
  return dataDir;
}

/** Removes a data directory. */
export function removeDataDir(dataDir: string): void {
  rmSync(dataDir, { recursive: true, force: true });
}

/** An 8 x 8 photo: sharp({ create: { width: 8, height: 8, channels: 3, background: "#3a7" } }).jpeg({ quality: 50 }). */
export const PHOTO = Buffer.from(
  "/9j/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBD" +
    "ARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAAIAAgD" +
    "ASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAH/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAA" +
    "AgX/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCgCiv/2Q==",
  "base64",
);

/** Writes files in the given order; those of a list become small photos, whatever their names. */
export function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>> | readonly string[],
): void {
  const contents = Array.isArray(files) ? files.map((file) => [file, PHOTO]) : Object.entries(files);
  for (const [file, content] of contents as [string, string | Buffer][]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
}

/** Returns the lines of a text file without the last, empty one. */
export function readLines(path: string): string[] {
  return readFileSync(path, "utf8").trimEnd().split("\n");
}
