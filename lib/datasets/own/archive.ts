// An archive as a person's own photos: unpacked into the cache, once for its content, and read from there.
import { lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { UserError } from "../../common/errors";
import { makeFolder, requireFile } from "../../common/files/files";
import { fileFingerprint } from "../../common/files/fingerprint";
import { cacheFolder } from "../../common/files/kept_folder";
import { shownProgress } from "../../common/progress";
import { ARCHIVE_NAME } from "../archives/entry";
import { unpackArchive } from "../archives/unpack";
import { TABLE_ENDINGS } from "./table";

/** A source as it is read. */
export interface OpenedSource {
  /** Absolute path of the folder or file to read. */
  path: string;
  /** The sentence about an archive that was unpacked. */
  said: string[];
}

const FINGERPRINT_LENGTH = 12;
/** Folders that macOS adds to its archives. */
const OF_MAC = "__MACOSX";

/**
 * Opens a source: an archive (ZIP, tar, tar.gz) is unpacked into `.cache/unpacked/`, unless it was before; everything
 * else is read where it is. The archive itself is not changed.
 * @param path absolute
 * @returns for an archive the folder of what was in it; if that is one folder with folders or a table, this folder
 * @throws UserError for an archive that is missing, damaged, or refused
 */
export async function openSource(path: string): Promise<OpenedSource> {
  if (!ARCHIVE_NAME.test(basename(path))) return { path, said: [] };
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return { path, said: [] };
  requireFile(path, "an archive of photos", "Look at its path.");
  const name = basename(path);
  const key = fileFingerprint(path).slice(0, FINGERPRINT_LENGTH);
  const folder = join(cacheFolder(), "unpacked", `${name}-${key}`);
  makeFolder(folder);
  const link = `.${name}`; // hidden, so that it is not among the photos
  linkTo(path, join(folder, link));
  const onProgress = shownProgress();
  const { names } = await unpackArchive(folder, link, {
    onProgress: (report) => onProgress({ ...report, stage: `unpack ${name}` }),
  }).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.what.replaceAll(join(folder, link), path), error.next, { cause: error });
  });
  const said = `${name} is read as unpacked into ${folder}`;
  const guess = names?.guessed
    ? `; its names, which do not say their encoding, as ${names.encoding}: ${JSON.stringify(names.example)}`
    : "";
  return { path: innerFolder(folder), said: [said + guess] };
}

/** Makes a link, or corrects one that leads elsewhere. */
function linkTo(target: string, link: string): void {
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (there && readlinkSync(link) === target) return;
  if (there) rmSync(link, { force: true });
  symlinkSync(target, link);
}

/** Returns the one folder in a folder, if that holds folders or tables: archives often begin with their own name. */
function innerFolder(folder: string): string {
  const [only, ...others] = visibleIn(folder);
  if (!only?.isDirectory() || others.length > 0) return folder;
  const inner = join(folder, only.name);
  const isMore = visibleIn(inner).some(
    (entry) => entry.isDirectory() || TABLE_ENDINGS.includes(extname(entry.name).toLowerCase()),
  );
  return isMore ? innerFolder(inner) : folder;
}

function visibleIn(folder: string) {
  return readdirSync(folder, { withFileTypes: true }).filter(
    ({ name }) => !name.startsWith(".") && name !== OF_MAC,
  );
}
