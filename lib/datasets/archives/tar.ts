// Opens tar and tar.gz archives.
import { on } from "node:events";
import { createReadStream } from "node:fs";
import { Parser, type ReadEntry } from "tar";
import type { ArchiveEntry, OpenArchive } from "./entry";

/** Entry type of the tar library -> kind of entry. */
const KINDS: Readonly<Record<string, ArchiveEntry["kind"]>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "folder",
  GNUDumpDir: "folder",
  Link: "link",
  SymbolicLink: "link",
};

/** Opens a tar archive, compressed by gzip or not. Errors are thrown while its entries are read. */
export async function openTar(path: string): Promise<OpenArchive> {
  const source = createReadStream(path);
  // Strict: a bad checksum, a truncated entry or an unknown kind is an error, not a warning.
  const parser = new Parser({ strict: true });
  let current: ReadEntry | undefined;
  let failure: Error | undefined;
  source.on("error", (error) => parser.abort(error));
  // A caller that reads an entry now, or is about to, must not wait for its end forever.
  parser.on("error", (error) => {
    failure ??= error;
    current?.destroy(error);
  });
  async function* entries(): AsyncGenerator<ArchiveEntry> {
    const found = on(parser, "entry", { close: ["end"] });
    source.pipe(parser as unknown as NodeJS.WritableStream);
    for await (const [entry] of found as AsyncIterable<[ReadEntry]>) {
      current = entry;
      entry.on("error", () => {}); // the parser reports it as well
      yield {
        path: entry.path,
        kind: KINDS[entry.type] ?? "other",
        bytes: entry.size,
        open: async () => {
          if (failure) throw failure;
          return entry as AsyncIterable<Uint8Array>;
        },
      };
      entry.resume(); // skips content that the caller did not read
    }
  }
  return { entries: entries(), bytesRead: () => source.bytesRead, close: () => source.destroy() };
}
