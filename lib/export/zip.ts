// Writing of a folder as a ZIP archive.
import { createWriteStream, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";

/** Larger files are stored uncompressed: weights hardly shrink, and compressing them takes minutes. */
const LARGEST_COMPRESSED_BYTES = 64 * 2 ** 20;

/** A fixed time stamp: the same files always give the same archive. */
const WRITTEN_AT = new Date("2022-10-17T00:00:00Z");

/** Writes all files below a folder, by their relative paths, into an archive of any size (ZIP64 above 4 GB). */
export async function zipFolder(folder: string, path: string): Promise<void> {
  const zip = new ZipFile();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
  for (const file of files) {
    const source = join(folder, file);
    const compress = statSync(source).size <= LARGEST_COMPRESSED_BYTES;
    zip.addFile(source, file, { mtime: WRITTEN_AT, mode: 0o100644, compress });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path, { flags: "wx" }));
}
