// Links raw/<folder> of a data directory to data elsewhere.
import { existsSync, lstatSync, mkdirSync, realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UserError } from "../common/errors";
import type { DataSet } from "./data_set";
import { openSource } from "./own/archive";
import type { OwnSource } from "./own/own_images";
import { sourcePath } from "./own/read_own_images";
import { rawFolder } from "./raw_folder";

/**
 * Links `raw/<folder>` of a data directory to raw data elsewhere.
 * @throws UserError if `raw/<folder>` exists and is something else
 */
export function linkRaw(dataDir: string, set: Pick<DataSet, "folder">, raw: string): void {
  const folder = rawFolder(dataDir, set);
  const wanted = resolve(raw);
  if (existsSync(folder)) {
    if (realpathSync(folder) === realpathSync(wanted)) return;
    throw new UserError(
      `${folder} is there already and is not ${wanted}.`,
      "Leave --raw out to read what is there, or move that folder away.",
    );
  }
  mkdirSync(dirname(folder), { recursive: true });
  symlinkSync(wanted, folder);
}

/**
 * Links `raw/<name>` to the folder of a person's own photos; replaces a link that leads elsewhere, whose row in
 * data_sets.json has changed.
 * @throws UserError if the photos are gone, or as `linkRaw`
 */
export async function linkOwn(
  dataDir: string,
  set: Pick<DataSet, "folder" | "name">,
  own: OwnSource,
): Promise<void> {
  const source = sourcePath(own.source);
  const images = existsSync(source) ? await ownFolder(own) : source;
  const missing = [source, images].find((path) => !existsSync(path));
  if (missing !== undefined)
    throw new UserError(
      `The photos of ${set.name} are expected in ${missing}: there is nothing.`,
      `Put them back there, or change "source" of ${set.name} in ${resolve(rawFolder(dataDir, set), "../../data_sets.json")}.`,
    );
  const folder = rawFolder(dataDir, set);
  const isLink = lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const isRight = existsSync(folder) && realpathSync(folder) === realpathSync(images);
  if (isLink && !isRight) rmSync(folder);
  linkRaw(dataDir, set, images);
}

/** Returns the folder that holds the images of a source: itself, what an archive held, a table's root or folder. */
async function ownFolder({ source, root }: OwnSource): Promise<string> {
  const { path } = await openSource(sourcePath(source));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  return root === undefined ? dirname(path) : sourcePath(root);
}
