// Adds images to an index: their vectors as new shards, their names as a new table.
// Shapes: n new images, F features per image.
import { join, relative, resolve, sep } from "node:path";
import { UserError } from "../common/errors";
import { fileContent } from "../common/files/fingerprint";
import type { ProgressOptions } from "../common/progress";
import { listRows, type Vectors } from "../common/vectors";
import { readClassNames } from "../datasets/class_names";
import type { PhotoEmbedder } from "../features/embed_photos";
import { FEATURE_FILES, type Features } from "../features/feature_files";
import { type EmbedShard, identityOf } from "../features/feature_plan";
import { readShard, rowContents, writeShards } from "../features/feature_shards";
import { writeClasses } from "../features/feature_writer";
import { findShards } from "../features/found_shards";
import type { FeatureRows } from "../features/rows_csv";
import { requireSameModel } from "../features/same_model";
import type { UnusableImage } from "../images/loading/pixel_loader";
import { VIEWS, type Views } from "../images/loading/views";
import { changeIndex, type NewState, type OpenChange, withRemoved, writeRemoved, writeTable } from "./change";
import { joinLabels } from "./labels";

/** Images to add. */
export interface NewImages {
  /** Absolute path of the folder that the rows' files are relative to. */
  folder: string;
  rows: FeatureRows;
  /** Called before the images are read, once no other process can change the index: writes copies of uploads. */
  prepare?: () => void;
}

/** What an addition did. */
export interface Added {
  features: Features;
  /** Images that were added, without replaced ones. */
  added: number;
  /** Images whose file was in the index with other bytes or another class: they have new rows. */
  replaced: number;
  /** Images that were in the index as they are. */
  unchanged: number;
  /** Images that cannot be read. */
  skipped: UnusableImage[];
}

/**
 * Adds images to an index. An image is known by its path: one that is there with other bytes, or in another class, is
 * replaced; one that is there as it is stays. After a kill the index is as before, and the same call goes on after the
 * last finished shard.
 * @throws UserError for another model, for vectors of another length, that are zero or not finite, and if another
 * process changes the index
 * @example
 * await addToIndex("features/photos", { folder: "/photos", rows: { files: ["new.jpg"] } }, loadEmbedder("my_run"));
 */
export async function addToIndex(
  folder: string,
  images: NewImages,
  embedder: PhotoEmbedder,
  options: ProgressOptions = {},
): Promise<Added> {
  const done: Omit<Added, "features"> = { added: 0, replaced: 0, unchanged: 0, skipped: [] };
  const features = await changeIndex(folder, async (change) => {
    requireSameModel(change.features, embedder);
    images.prepare?.();
    const fresh = await newRows(change, images);
    done.unchanged = images.rows.files.length - fresh.rows.files.length;
    return fresh.rows.files.length === 0 ? undefined : append(change, fresh, { embedder, ...options }, done);
  });
  return { ...done, features };
}

/** New rows, and the positions of the rows that they replace, by file. */
interface FreshRows {
  rows: FeatureRows;
  /** All names of the index's classes. */
  names: ReadonlyMap<number, string>;
  noClass: number | undefined;
  replaces: ReadonlyMap<string, number>;
  base: string;
}

/** Names images as the index does, and leaves out those that it holds as they are. */
async function newRows({ features }: OpenChange, { folder, rows }: NewImages): Promise<FreshRows> {
  const base = String(features.madeBy.folder ?? folder);
  const before = await features.readRows();
  const names = await readClassNames(join(features.folder, FEATURE_FILES.classes));
  const { labels, noClass, ...joined } = joinLabels(before.labels, names, rows);
  const places = new Map(Array.from(before.files, (file, row) => [file, row]));
  const contents = contentsOf(features);
  const files = Array.from(rows.files, (file) => nameBelow(base, resolve(folder, file)));
  const replaces = new Map<string, number>();
  const fresh: number[] = [];
  const seen = new Set<string>();
  for (const [row, file] of files.entries()) {
    const place = places.get(file);
    const isSame =
      place !== undefined &&
      (before.labels?.[place] ?? noClass) === labels?.[row] &&
      contents?.[place] !== undefined &&
      contents[place] === (await fileContent(resolve(base, file)));
    if (isSame || seen.has(file)) continue;
    seen.add(file);
    fresh.push(row);
    if (place !== undefined) replaces.set(file, place);
  }
  const pick = <T>(values: ArrayLike<T>) => fresh.map((row) => values[row]!);
  const columns = [...(rows.columns ?? [])].map(
    ([name, texts]) => [name, fresh.map((row) => texts.at(row)!)] as const,
  );
  const picked: FeatureRows = {
    files: pick(files),
    ...(labels ? { labels: pick(labels) } : {}),
    ...(before.folds ? { folds: foldsOf(before.folds, rows.folds, fresh) } : {}),
    ...(columns.length > 0 ? { columns: new Map(columns) } : {}),
  };
  return { rows: picked, names: joined.names, noClass, replaces, base };
}

/** Returns a file's name in an index: below its folder of images, or absolute. */
export function nameBelow(base: string, path: string): string {
  const below = relative(base, path);
  const isBelow = below !== "" && below !== ".." && !below.startsWith(`..${sep}`);
  return (isBelow ? below : path).split(sep).join("/");
}

/** Images without a fold get one that no run validates on: the first that there is not. */
function foldsOf(
  before: ArrayLike<number>,
  folds: ArrayLike<number> | undefined,
  rows: readonly number[],
): number[] {
  const free = Array.from(before).reduce((most, fold) => Math.max(most, fold), -1) + 1;
  return rows.map((row) => folds?.[row] ?? free);
}

/** Returns the hash of each row's image, as far as the shards have them; undefined if one has none. */
export function contentsOf({ folder, shards }: Features): string[] | undefined {
  const parts = shards.map(({ file, kept }) => {
    const shard = readShard(folder, file);
    const contents = shard && rowContents(shard);
    return contents && kept ? Array.from(kept, (row) => contents[row]!) : contents;
  });
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

async function append(
  change: OpenChange,
  { rows, names, noClass, replaces, base }: FreshRows,
  { embedder, onProgress }: { embedder: PhotoEmbedder } & ProgressOptions,
  done: Omit<Added, "features">,
): Promise<NewState | undefined> {
  const { features, summary, next } = change;
  const { folder, length, dtype, madeBy } = features;
  const sources = embedder.sourcesOf(base);
  const plan = { rows: { files: rows.files }, madeBy, firstShard: next, replace: false, sources };
  const { kept } = await findShards(folder, plan);
  const begun = { views: viewsOf(madeBy), stage: "photos", total: rows.files.length, onProgress };
  const embed = async () => checked(await embedder.embedShards(base, begun), folder, length);
  const written = await writeShards(folder, plan, identityOf(plan), embed, { kept });
  done.skipped = written.flatMap((shard) => shard.skipped);
  const shards = written.filter(({ count }) => count > 0);
  if (shards.length === 0) return undefined;
  const left = new Set(done.skipped.map(({ file }) => file));
  const table = await writeTable(folder, next, rows, (file) => left.has(file));
  if (rows.labels && names.size > 0) await writeClasses(join(folder, FEATURE_FILES.classes), names);
  const gone = [...replaces].flatMap(([file, place]) => (left.has(file) ? [] : place));
  done.replaced = gone.length;
  done.added = table.count - gone.length;
  return {
    shards: [...summary.shards, ...shards.map(({ file, count }) => ({ file, count }))],
    dtype: shards.some((shard) => shard.dtype === "float32") ? "float32" : dtype,
    tables: [...change.tables, table],
    removed:
      gone.length === 0 ? summary.removed : await writeRemoved(folder, next, withRemoved(change, gone)),
    next: next + written.length,
    noClass: noClass ?? summary.noClass,
  };
}

function viewsOf({ views }: Features["madeBy"]): Views {
  return VIEWS.find((name) => name === views) ?? "whole";
}

/** Returns an embedder whose vectors can be searched next to those of an index. */
function checked(embed: EmbedShard, folder: string, length: number): EmbedShard {
  return async (files, start) => {
    const result = await embed(files, start);
    const { vectors, skipped } = result;
    if (vectors.count > 0 && vectors.length !== length)
      throw new UserError(
        `${folder} holds vectors of ${length} numbers, the new ones have ${vectors.length}.`,
        "Add vectors of the model that made the index, or make another index.",
      );
    const left = new Set(skipped.map(({ file }) => file));
    const zero = zeroRow(vectors);
    if (zero >= 0)
      throw new UserError(
        `The vector of ${files.filter((file) => !left.has(file))[zero]} is zero: it has no direction to compare.`,
        "Look at the image and the weights, or leave the image out.",
      );
    return result;
  };
}

function zeroRow(vectors: Vectors): number {
  return listRows(vectors).findIndex((row) => row.every((value) => value === 0));
}
