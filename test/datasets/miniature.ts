import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** A data directory of its own, removed at the end of the test if one is given. */
export function temporaryDataDir(t?: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), "guie-datasets-"));
  t?.after(() => removeDataDir(dataDir));
  return dataDir;
}

/** Removes a data directory. */
export function removeDataDir(dataDir: string): void {
  rmSync(dataDir, { recursive: true, force: true });
}

/** Writes files, in the order given; Get_Data does not look into images, so that one byte is enough. */
export function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | Buffer>> | readonly string[],
): void {
  const contents = Array.isArray(files) ? files.map((file) => [file, "x"]) : Object.entries(files);
  for (const [file, content] of contents as [string, string | Buffer][]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
}

/** The lines of a text file, without the last, empty one. */
export function readLines(path: string): string[] {
  return readFileSync(path, "utf8").trimEnd().split("\n");
}
