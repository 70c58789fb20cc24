// Writes a folder of features shard by shard: killed and started again, it goes on behind the last finished shard.
// Shapes: N images, F features of each.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { openSafetensors, writeSafetensors } from "../checkpoints/safetensors";
import { writeCsv } from "../common/csv";
import { UserError } from "../common/errors";
import { makeFolder, removeTemporaries, writeJson } from "../common/files";
import { keptFolder } from "../common/kept_folder";
import { notice } from "../common/notice";
import { findOrMake } from "../common/owner";
import { projectPath } from "../common/project";
import { makingPlace, putInPlace, requireReplaceable, settleReplaced } from "../common/replace";
import { parseJson } from "../common/schema";
import { pathForSpreadsheet } from "../common/spreadsheet";
import type { UnusableImage } from "../images/loading/pixel_loader";
import {
  FEATURE_FILES,
  FEATURE_FOLDER,
  type FeatureDtype,
  type FeatureRows,
  type FeatureSummary,
  type Features,
  type MadeBy,
  openFeatures,
  readSummary,
  SHARD_TENSOR,
  STORED_AS,
} from "./feature_files";
import {
  countChanged,
  digestOf,
  type FeatureSources,
  findPresent,
  joinContents,
  type ShardOrigin,
  SourceNotes,
  splitContents,
  spreadContents,
  weightsContent,
} from "./feature_sources";
import type { Vectors } from "./neighbours";

/** What becomes a folder of features. */
export interface FeaturePlan {
  /** The images to embed, in the order of the rows. */
  rows: FeatureRows;
  madeBy: MadeBy;
  /** If omitted: float16, and float32 for shards with numbers that do not fit it. */
  dtype?: FeatureDtype;
  /** Images of a shard, which is lost when the process is killed before its end: 4,096. */
  rowsPerShard?: number;
  /** Whether features of other images, or made otherwise, give way. */
  replace: boolean;
  /** The files that they are made from: shards whose images changed are made anew. Without, `madeBy` tells all. */
  sources?: FeatureSources;
}

/** The features of some images, without those that could not be read. */
export interface ShardResult {
  vectors: Vectors;
  skipped: readonly UnusableImage[];
  /** The hash of each image's content, read or not; a plan with `sources` needs it. */
  contents?: readonly string[];
}

/** Embeds a shard's images. @param start how many images stand before them */
export type EmbedShard = (files: readonly string[], start: number) => Promise<ShardResult>;

const ROWS_PER_SHARD = 4096;

/**
 * The features of a plan: from the folder where it holds just these, else made and written there, each shard under
 * its name once it is whole. Where it holds others, which may give way, the new ones are made beside them and take their
 * place when all are there. What stops it leaves finished shards, and no folder that looks finished. A second process on
 * the same folder waits for the first.
 * @param embedder asked for only when a shard is missing
 * @throws UserError where the folder holds other features and `replace` is false, or anything but features; where no image
 * can be read, a feature is NaN or infinite, or does not fit float16 although that was asked for; UnreachableFile where the
 * world keeps images from being read
 */
export async function ensureFeatureFolder(
  folder: string,
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<Features> {
  const path = projectPath(folder);
  const find = async () => ((await look(path, plan)).isWhole ? openFeatures(path) : undefined);
  return findOrMake(path, "The embedding", find, async () => {
    settleReplaced(path);
    await makeFeatures(path, plan, embedder);
    return openFeatures(path);
  });
}

async function makeFeatures(
  path: string,
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<void> {
  const present = await look(path, plan);
  const { identities, changed } = present;
  if (changed !== undefined) notice(`${path}: ${changed}`);
  const summary = readSummary(path);
  if (summary?.identity === identities.identity) refuseOtherDtype(path, summary.dtype, plan.dtype);
  const found = identityIn(path);
  const isOther = found !== undefined && found !== identities.identity;
  if (isOther && !plan.replace) {
    throw new UserError(
      `${path} holds features of other images, or by other settings.`,
      "Choose another folder, or give --overwrite.",
    );
  }
  if (found === undefined || isOther) requireReplaceable(path, FEATURE_FOLDER, { overwrite: true });
  const target = isOther ? makingPlace(path) : path;
  if (!isOther) rmSync(join(path, FEATURE_FILES.summary), { force: true });
  removeTemporaries(target);
  makeFolder(target); // a folder that may not be written to is told before anything is embedded
  const { kept } = isOther ? await look(target, plan) : present;
  const shards = await writeShards(target, plan, identities.identity, kept, embedder);
  await finish(target, plan, identities, shards);
  if (isOther) putInPlace(path, target);
}

type Identities = Pick<FeatureSummary, "identity" | "rowsIdentity">;

/**
 * The features of a plan that belong to a data directory or a run: from its own folder where that holds them, else from
 * where they are kept.
 * @param home the data directory, or the run's folder
 * @param parts of the folder below it
 */
export async function ensureKeptFeatures(
  home: string,
  parts: readonly string[],
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<Features> {
  const [own, kept] = [join(home, ...parts), keptFolder(home, ...parts)];
  if (own !== kept && (await look(own, plan)).isWhole) return openFeatures(own);
  return ensureFeatureFolder(kept, plan, embedder);
}

/**
 * Counts the images of a folder of features that are others by now. Those that are gone count as they were.
 * @param folder of the images
 */
export async function countChangedImages(features: Features, folder: string): Promise<number> {
  const notes = new SourceNotes(features.folder);
  const rows = (await features.readRows()).files;
  let [changed, row] = [0, 0];
  for (const { file, count } of features.shards) {
    const files = Array.from({ length: count }, (_, i) => rows.at(row + i)!);
    row += count;
    const shard = readShard(features.folder, file, features.identity);
    if (!shard) continue;
    for (const [i, { file }] of shard.skipped.entries()) {
      const at = shard.skippedAt[i];
      if (at !== undefined) files.splice(at, 0, file);
    }
    changed += await countChanged(file, shard, files, { folder }, notes);
  }
  return changed;
}

/** Writes vectors that are in memory, as one folder. @param vectors [N, F], a row for each of `plan.rows.files` */
export async function writeFeatures(folder: string, plan: FeaturePlan, vectors: Vectors): Promise<Features> {
  const { data, length } = vectors;
  const madeBy = { ...plan.madeBy, vectors: contentOfNumbers(data) };
  return ensureFeatureFolder(folder, { ...plan, madeBy }, async () => async (files, start) => ({
    vectors: {
      data: data.subarray(start * length, (start + files.length) * length),
      ...{ count: files.length, length },
    },
    skipped: [],
  }));
}

/** Numbers that are hashed at a time: the hash function takes no more than 2 GB. */
const NUMBERS_PER_PIECE = 1 << 24;

function contentOfNumbers(data: Float32Array): string {
  const hash = createHash("sha256");
  for (let start = 0; start < data.length; start += NUMBERS_PER_PIECE) {
    const { buffer, byteOffset, byteLength } = data.subarray(start, start + NUMBERS_PER_PIECE);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

/** What a finished shard says of itself. */
interface Shard extends ShardOrigin {
  file: string;
  /** Where the skipped images stand among the shard's. */
  skippedAt: readonly number[];
  count: number;
  length: number;
  dtype: FeatureDtype;
}

/** The shards of a plan: their files, and the images of each. */
function* shardsOf({ rows, rowsPerShard = ROWS_PER_SHARD }: FeaturePlan) {
  for (let start = 0; start < rows.files.length; start += rowsPerShard) {
    const count = Math.min(rowsPerShard, rows.files.length - start);
    const files = Array.from({ length: count }, (_, row) => rows.files.at(start + row)!);
    yield { file: FEATURE_FILES.shard(start / rowsPerShard), start, files };
  }
}

/** What a folder holds of a plan: shards that can stay as they are, by file. */
async function look(path: string, plan: FeaturePlan) {
  const identities = { identity: identityOf(plan), rowsIdentity: rowsIdentityOf(plan) };
  const notes = new SourceNotes(path);
  const kept = new Map<string, Shard>();
  let [shards, changedShards, changed] = [0, 0, 0];
  for (const { file, files } of shardsOf(plan)) {
    shards++;
    const shard = readShard(path, file, identities.identity);
    if (!shard || (plan.dtype !== undefined && shard.dtype !== plan.dtype)) continue;
    const others = plan.sources ? await countChanged(file, shard, files, plan.sources, notes) : 0;
    if (others === 0) kept.set(file, shard);
    else changedShards++;
    changed += others;
  }
  const { identity, rowsIdentity } = readSummary(path) ?? {};
  const isFinished = identity === identities.identity && rowsIdentity === identities.rowsIdentity;
  return {
    ...{ identities, kept, isWhole: isFinished && kept.size === shards },
    changed: changed > 0 ? changedText({ changed, changedShards, shards }) : undefined,
  };
}

function changedText({
  changed,
  changedShards,
  shards,
}: Record<"changed" | "changedShards" | "shards", number>): string {
  const images = changed === 1 ? "1 image was" : `${changed.toLocaleString("en-US")} images were`;
  return `${images} changed, or can be read by now; ${changedShards} of ${shards} files of features are made anew.`;
}

async function writeShards(
  folder: string,
  plan: FeaturePlan,
  identity: string,
  kept: ReadonlyMap<string, Shard>,
  embedder: () => Promise<EmbedShard>,
): Promise<Shard[]> {
  const shards: Shard[] = [];
  const notes = new SourceNotes(folder);
  let embed: EmbedShard | undefined;
  for (const { file, start, files } of shardsOf(plan)) {
    const finished = kept.get(file);
    if (finished) {
      shards.push(finished);
      continue;
    }
    embed ??= await embedder();
    shards.push(await writeShard(join(folder, file), { plan, identity, files, start, notes }, embed));
  }
  return shards;
}

interface ShardTask {
  plan: FeaturePlan;
  identity: string;
  files: readonly string[];
  start: number;
  notes: SourceNotes;
}

async function writeShard(path: string, task: ShardTask, embed: EmbedShard): Promise<Shard> {
  const { plan, identity, files, start, notes } = task;
  const { sources } = plan;
  // At the beginning there is nothing to be waited for: nothing was there a moment ago.
  const found = sources && (await findPresent(sources, files, start === 0 ? [] : undefined));
  const { seen, present } = found ?? { seen: undefined, present: files };
  const weights = sources && (await weightsContent(sources));
  const { vectors, contents, ...result } = await embed(present, start);
  if (sources && contents?.length !== present.length)
    throw new Error("An embedder did not tell what it read.");
  const skipped = inOrder(files, [...missingOf(files, present), ...result.skipped]);
  const dtype = fittingDtype(vectors, files, skipped, plan.dtype);
  const origin = seen && spreadContents(seen, contents!);
  const skippedAt = skipped.map(({ file }) => files.indexOf(file));
  const metadata = {
    ...{ identity, skipped: JSON.stringify(skipped) },
    ...(origin ? { contents: joinContents(origin), skippedAt: JSON.stringify(skippedAt) } : {}),
    ...(weights === undefined ? {} : { weights }),
  };
  const shape = [vectors.count, vectors.length];
  const entry = { name: SHARD_TENSOR, shape, data: vectors.data };
  await writeSafetensors(path, [entry], metadata, STORED_AS[dtype]);
  const file = basename(path);
  if (origin) notes.note(file, origin, seen);
  const { count, length } = vectors;
  return { file, count, length, dtype, skipped, skippedAt, contents: origin, weights, madeMs: Date.now() };
}

function missingOf(files: readonly string[], present: readonly string[]): UnusableImage[] {
  const there = new Set(present);
  return files.filter((file) => !there.has(file)).map((file) => ({ file, reason: "missing file" }));
}

function inOrder(files: readonly string[], skipped: readonly UnusableImage[]): UnusableImage[] {
  const bySkipped = new Map(skipped.map((image) => [image.file, image]));
  return files.flatMap((file) => bySkipped.get(file) ?? []);
}

const SKIPPED = z.array(z.object({ file: z.string(), reason: z.string() })) satisfies z.ZodType<
  UnusableImage[]
>;
const SKIPPED_AT = z.array(z.number().int().nonnegative());

/** A shard of an earlier start; undefined where there is none of this plan. */
function readShard(folder: string, file: string, identity: string): Shard | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const next = "It is then made again.";
  const { metadata, tensors, close } = openSafetensors(path, next);
  close();
  if (metadata.identity !== identity) return undefined;
  const { shape = [], dtype: stored } = tensors.get(SHARD_TENSOR) ?? {};
  const [count, length, ...others] = shape;
  if (count === undefined || length === undefined || others.length > 0)
    throw new UserError(`${path} holds no rows "${SHARD_TENSOR}".`, `Delete it. ${next}`);
  const note = <T>(name: string, schema: z.ZodType<T>, absent: string) =>
    parseJson(`${path}, "${name}"`, metadata[name] ?? absent, schema, `Delete it. ${next}`);
  return {
    ...{ file, count, length, contents: splitContents(metadata.contents), weights: metadata.weights },
    dtype: stored === "F16" ? "float16" : "float32",
    skipped: note("skipped", SKIPPED, ""),
    skippedAt: note("skippedAt", SKIPPED_AT, "[]"),
    madeMs: statSync(path).mtimeMs,
  };
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
  await writeRows(join(folder, FEATURE_FILES.rows), rows, new Set(skipped.map(({ file }) => file)));
  const skippedCsv = join(folder, FEATURE_FILES.skipped);
  if (skipped.length === 0) rmSync(skippedCsv, { force: true });
  else
    await writeCsv(
      skippedCsv,
      ["image_files", "reason"],
      skipped.map(({ file, reason }) => [pathForSpreadsheet(file), reason]),
    );
  const summary: FeatureSummary = {
    ...{ count, length: shards.find((shard) => shard.count > 0)!.length },
    dtype: shards.some((shard) => shard.dtype === "float32") ? "float32" : "float16",
    shards: shards.filter((shard) => shard.count > 0).map(({ file, count }) => ({ file, count })),
    ...{ skipped: skipped.length, madeBy, ...identities, ...contentOf(shards) },
  };
  writeJson(join(folder, FEATURE_FILES.summary), summary);
}

/** What all of them were made from, where each says it. */
function contentOf(shards: readonly Shard[]): Pick<FeatureSummary, "content"> {
  const parts = shards.map(({ contents }) => contents && joinContents(contents));
  return parts.includes(undefined) ? {} : { content: digestOf(parts as string[]) };
}

async function writeRows(path: string, rows: FeatureRows, skipped: ReadonlySet<string>): Promise<void> {
  const numbers = [rows.labels, rows.folds].filter((values) => values !== undefined);
  const columns = ["image_files", ...(rows.labels ? ["labels"] : []), ...(rows.folds ? ["fold"] : [])];
  function* lines(): Generator<(string | number)[]> {
    let row = 0;
    for (const file of rows.files) {
      if (!skipped.has(file)) yield [pathForSpreadsheet(file), ...numbers.map((values) => values[row]!)];
      row++;
    }
  }
  await writeCsv(path, columns, lines());
}

/** Shards beyond those of this plan, of a longer list before, and graphs of the rows that were there. */
function removeOtherShards(folder: string, shards: readonly Shard[]): void {
  const ours = new Set(shards.map(({ file }) => file));
  for (const name of readdirSync(folder)) {
    if (/^(features_\d+\.safetensors|neighbours_\w+\.usearch(\.json)?)$/.test(name) && !ours.has(name))
      rmSync(join(folder, name));
  }
}

/** The identity of the plan whose features a folder holds, finished or not; undefined where there are none. */
function identityIn(folder: string): string | undefined {
  const shard = join(folder, FEATURE_FILES.shard(0));
  return readSummary(folder)?.identity ?? (existsSync(shard) ? openedIdentity(shard) : undefined);
}

function refuseOtherDtype(folder: string, found: FeatureDtype, wanted: FeatureDtype | undefined): void {
  if (wanted === undefined || wanted === found) return;
  throw new UserError(
    `${folder} holds these features as ${found}: some numbers do not fit ${wanted}.`,
    "Leave --dtype out.",
  );
}

function openedIdentity(path: string): string | undefined {
  const { metadata, close } = openSafetensors(path);
  close();
  return metadata.identity;
}

/**
 * What a shard's numbers are kept as.
 * @param wanted what was asked for; if omitted, the numbers decide
 * @throws UserError for numbers that are not finite, or too large for what was asked for
 */
function fittingDtype(
  { data, length }: Vectors,
  files: readonly string[],
  skipped: readonly UnusableImage[],
  wanted: FeatureDtype | undefined,
): FeatureDtype {
  const fileOf = (at: number) => {
    const left = new Set(skipped.map(({ file }) => file));
    return files.filter((file) => !left.has(file))[Math.floor(at / length)];
  };
  const broken = data.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) {
    throw new UserError(
      `A feature of ${fileOf(broken)} is ${data[broken]}: it cannot be compared or learned from.`,
      "Look at the weights (NaN in them?), and at the precision: float32 has the widest range.",
    );
  }
  if (wanted === "float32") return wanted;
  const large = data.findIndex((value) => Math.abs(value) >= FIRST_INFINITE_HALF);
  if (large < 0) return "float16";
  if (wanted === undefined) return "float32";
  throw new UserError(
    `A feature of ${fileOf(large)} is ${data[large]}: float16 ends at 65,504.`,
    "Keep the features as float32 (--dtype float32), or leave --dtype out.",
  );
}

/** float16 rounds this, and what is beyond it, to infinity. */
const FIRST_INFINITE_HALF = 65_520;

function identityOf({ rows, madeBy, dtype = "float16", rowsPerShard = ROWS_PER_SHARD }: FeaturePlan): string {
  return digest([JSON.stringify([madeBy, dtype, rowsPerShard])], rows.files);
}

function rowsIdentityOf({ rows }: FeaturePlan): string {
  return digest(rows.labels ?? [], rows.folds ?? []);
}

/** SHA-256 over lists, in pieces: the text of millions of paths would be longer than a string can be. */
function digest(...lists: (Iterable<string> | ArrayLike<number>)[]): string {
  const hash = createHash("sha256");
  for (const list of lists) {
    for (const value of list as Iterable<string | number>) hash.update(`${value}\0`);
    hash.update("\0");
  }
  return hash.digest("hex");
}
