// Writes a folder of features shard by shard; after a kill, the next start continues after the last finished shard.
// Shapes: N images, F features per image.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { pathForSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { findOrMake } from "../common/files/claim";
import { makeFolder, removeTemporaries, writeJson } from "../common/files/files";
import { keptFolder } from "../common/files/kept_folder";
import { isUnsettled, putInPlace, settleReplaced, sharesPlace } from "../common/files/replace";
import { dropShares, noticeTaken, shareFiles, untilSharesEnded } from "../common/files/shares";
import { notice } from "../common/notice";
import { projectPath } from "../common/project";
import { sliceRows, type Vectors } from "../common/vectors";
import { sumFile } from "../formats/bytes";
import { FEATURE_FILES, type FeatureSummary, type Features, openFeatures } from "./feature_files";
import type { EmbedShard, FeaturePlan } from "./feature_plan";
import { readShard, rowContents, type Shard, writeShards } from "./feature_shards";
import { countChanged, digestOf, joinContents, NOTES_ENDING, SourceNotes } from "./feature_sources";
import { findShards, type Identities, identitiesOf, isFinished } from "./found_shards";
import { writeRowsCsv } from "./rows_csv";
import { EMBEDDING, shardPlace } from "./shard_place";

/**
 * Returns the features of a plan, from the folder if it holds exactly these, else computed and written there, each
 * shard renamed into place when it is complete. If the folder holds other features that may be replaced, the new ones
 * are made next to it and replace it when complete. An interruption leaves finished shards, but no folder that looks
 * finished. A second process on the same folder waits for the first; shards by `ensureFeatureShare` are taken as they
 * are, once its processes have ended.
 * @param path absolute
 * @param embedder called only if a shard is missing
 * @throws UserError if the folder holds other features and `replace` is false, or holds anything but features; if no
 * image can be read; if a feature is NaN or infinite, or does not fit the requested float16
 * @throws UnreachableFile if a disk or share keeps images from being read
 */
export async function ensureFeatureFolder(
  path: string,
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<Features> {
  const identities = identitiesOf(plan);
  const find = async () => {
    if (isUnsettled(path) || existsSync(sharesPlace(path)) || !isFinished(path, identities)) return undefined;
    return (await findShards(path, plan, { identities })).isWhole ? openFeatures(path) : undefined;
  };
  const make = async () => {
    await untilSharesEnded(path, EMBEDDING);
    settleReplaced(path);
    await makeFeatures(path, plan, identities, embedder);
    return openFeatures(path);
  };
  return findOrMake(path, EMBEDDING, find, make);
}

async function makeFeatures(
  path: string,
  plan: FeaturePlan,
  identities: Identities,
  embedder: () => Promise<EmbedShard>,
): Promise<void> {
  const { identity } = identities;
  const target = shardPlace(path, plan, identity);
  const shares = shareFiles(path, NOTES_ENDING);
  const isNew = !isFinished(target, identities);
  if (isNew) noticeTaken(shares, "features");
  const notes = new SourceNotes(target, isNew ? { known: shares.old, taken: shares.recent } : {});
  const { kept, isWhole, changed } = await findShards(target, plan, { identities, notes });
  if (isWhole && target === path) return dropShares(path);
  if (changed !== undefined) notice(`${path}: ${changed}`);
  if (target === path) rmSync(join(path, FEATURE_FILES.summary), { force: true });
  removeTemporaries(target);
  makeFolder(target); // fails before anything is embedded if the folder is not writable
  const shards = await writeShards(target, plan, identity, embedder, { kept, notes });
  notes.keepOnly(shards.map(({ file }) => file));
  dropShares(path); // their notes are in these
  await finish(target, plan, identities, shards);
  if (target !== path) putInPlace(path, target);
}

/**
 * Returns the features of a plan that belong to a data directory or a run: from the folder below it if that holds them,
 * else from the place where such results are kept (`keptFolder`).
 * @param home the data directory, or the run's folder
 * @param parts path of the folder below it
 */
export async function ensureKeptFeatures(
  home: string,
  parts: readonly string[],
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<Features> {
  const [own, kept] = [join(home, ...parts), keptFolder(home, ...parts)];
  if (own !== kept && (await findShards(own, plan)).isWhole) return openFeatures(own);
  return ensureFeatureFolder(kept, plan, embedder);
}

/**
 * Counts the images of a folder of features that have changed. Deleted images count as unchanged.
 * @param folder of the images
 */
export async function countChangedImages(features: Features, folder: string): Promise<number> {
  const notes = new SourceNotes(features.folder);
  const rows = (await features.readRows()).files;
  let [changed, row] = [0, 0];
  for (const { file, count, kept } of features.shards) {
    const files = Array.from({ length: count }, (_, i) => rows.at(row + i)!);
    row += count;
    const shard = withoutRows(readShard(features.folder, file), kept);
    if (!shard) continue;
    for (const [i, { file }] of shard.skipped.entries()) {
      const at = shard.skippedAt[i];
      if (at !== undefined) files.splice(at, 0, file);
    }
    const ofImages = { ...shard, weights: undefined }; // another model is refused before
    changed += await countChanged(file, ofImages, files, { folder }, notes);
  }
  return changed;
}

/** Returns a shard without removed rows, and without its skipped images. @param kept the rows that stay; undefined: all */
function withoutRows(shard: Shard | undefined, kept: Int32Array | undefined): Shard | undefined {
  if (!shard || !kept) return shard;
  const contents = shard.contents && rowContents(shard);
  return {
    ...shard,
    skipped: [],
    skippedAt: [],
    contents: contents && Array.from(kept, (row) => contents[row]!),
  };
}

/**
 * Writes vectors in memory to a folder of features.
 * @param vectors [N, F], one row for each of `plan.rows.files`
 * @example
 * await writeFeatures("features/mine", { rows: { files }, madeBy: { tower: "mine" }, replace: false }, vectors);
 */
export async function writeFeatures(folder: string, plan: FeaturePlan, vectors: Vectors): Promise<Features> {
  const madeBy = { ...plan.madeBy, vectors: contentOfNumbers(vectors.data) };
  return ensureFeatureFolder(projectPath(folder), { ...plan, madeBy }, async () => async (files, start) => ({
    vectors: sliceRows(vectors, start, start + files.length),
    skipped: [],
  }));
}

/** Number of values that are hashed at once: the hash function accepts at most 2 GB. */
const NUMBERS_PER_PIECE = 1 << 24;

function contentOfNumbers(data: Float32Array): string {
  const hash = createHash("sha256");
  for (let start = 0; start < data.length; start += NUMBERS_PER_PIECE) {
    const { buffer, byteOffset, byteLength } = data.subarray(start, start + NUMBERS_PER_PIECE);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

async function finish(
  folder: string,
  { rows, madeBy }: FeaturePlan,
  identities: Identities,
  shards: readonly Shard[],
): Promise<void> {
  const skipped = shards.flatMap((shard) => shard.skipped);
  const count = shards.reduce((sum, shard) => sum + shard.count, 0);
  if (count === 0) {
    const first = skipped[0] ? `; the first: ${skipped[0].file}: ${skipped[0].reason}` : "";
    throw new UserError(`None of ${rows.files.length} images could be read${first}.`, "Look at their paths.");
  }
  removeOtherShards(folder, shards);
  const left = new Set(skipped.map(({ file }) => file));
  await writeRowsCsv(join(folder, FEATURE_FILES.rows), rows, (file) => left.has(file));
  const skippedCsv = join(folder, FEATURE_FILES.skipped);
  if (skipped.length === 0) rmSync(skippedCsv, { force: true });
  else
    await writeCsv(
      skippedCsv,
      ["image_files", "reason"],
      skipped.map(({ file, reason }) => [pathForSpreadsheet(file), reason]),
    );
  await writeClasses(join(folder, FEATURE_FILES.classes), rows.classNames);
  const summary: FeatureSummary = {
    count,
    length: shards.find((shard) => shard.count > 0)!.length,
    dtype: shards.some((shard) => shard.dtype === "float32") ? "float32" : "float16",
    shards: shards.filter((shard) => shard.count > 0).map(({ file, count }) => ({ file, count })),
    skipped: skipped.length,
    madeBy,
    ...identities,
    ...contentOf(shards),
    rowsCrc32: sumFile(join(folder, FEATURE_FILES.rows)).crc32,
  };
  writeJson(join(folder, FEATURE_FILES.summary), summary);
}

/** Returns the hash of all shards' sources, if each shard records its own. */
function contentOf(shards: readonly Shard[]): Pick<FeatureSummary, "content"> {
  const parts = shards.map(({ contents }) => contents && joinContents(contents));
  return parts.includes(undefined) ? {} : { content: digestOf(parts as string[]) };
}

/** Writes the names of the classes by their label, or removes those of an earlier list. */
export async function writeClasses(
  path: string,
  names: readonly string[] | ReadonlyMap<number, string> | undefined,
): Promise<void> {
  if (names === undefined) rmSync(path, { force: true });
  else await writeCsv(path, ["labels", "class_name"], names.entries());
}

/** Removes shards of an earlier, longer list, and graphs of the earlier rows. */
function removeOtherShards(folder: string, shards: readonly Shard[]): void {
  const ours = new Set(shards.map(({ file }) => file));
  for (const name of readdirSync(folder)) {
    if (
      /^(features_\d+\.safetensors|(rows|removed)_\d+\.csv|neighbours_\w+\.usearch(\.json)?)$/.test(name) &&
      !ours.has(name)
    )
      rmSync(join(folder, name));
  }
}
