// Writes a folder of features shard by shard: killed and started again, it goes on behind the last finished shard.
// Shapes: N images, F features of each.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSafetensors, writeSafetensors } from "../checkpoints/safetensors";
import { writeCsv } from "../common/csv";
import { UserError } from "../common/errors";
import { removeTemporaries, writeJson } from "../common/files";
import { findOrMake } from "../common/owner";
import { projectPath } from "../common/project";
import { isUnsettled, makingPlace, putInPlace, requireReplaceable, settleReplaced } from "../common/replace";
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
import type { Vectors } from "./neighbours";

/** What becomes a folder of features. */
export interface FeaturePlan {
  /** The images to embed, in the order of the rows. */
  rows: FeatureRows;
  madeBy: MadeBy;
  /** float16 unless told. */
  dtype?: FeatureDtype;
  /** Images of a shard, which is lost when the process is killed before its end: 4,096. */
  rowsPerShard?: number;
  /** Whether features of other images, or made otherwise, give way. */
  replace: boolean;
}

/** The features of some images, without those that could not be read. */
export interface ShardResult {
  vectors: Vectors;
  skipped: readonly UnusableImage[];
}

/** Embeds a shard's images. @param start how many images stand before them */
export type EmbedShard = (files: readonly string[], start: number) => Promise<ShardResult>;

const ROWS_PER_SHARD = 4096;

/**
 * The features of a plan: from the folder where it holds just these, else made and written there, each shard under
 * its name once it is whole. Where it holds others, which may give way, the new ones are made beside them and take their
 * place when all are there. A second process on the same folder waits for the first.
 * @param embedder asked for only when a shard is missing
 * @throws UserError where the folder holds other features and `replace` is false, or anything but features; where no image
 * can be read, or a number does not fit float16
 */
export async function ensureFeatureFolder(
  folder: string,
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<Features> {
  const path = projectPath(folder);
  const identity = identityOf(plan);
  const rowsIdentity = digest(plan.rows.labels ?? [], plan.rows.folds ?? []);
  const find = () => {
    const present = readSummary(path);
    const isMade = present?.identity === identity && present.rowsIdentity === rowsIdentity;
    return isMade ? openFeatures(path) : undefined;
  };
  const make = async () => {
    settleReplaced(path);
    if (!find()) await makeFeatures(path, plan, { identity, rowsIdentity }, embedder);
    return openFeatures(path);
  };
  return findOrMake(path, "The embedding", () => (isUnsettled(path) ? undefined : find()), make);
}

async function makeFeatures(
  path: string,
  plan: FeaturePlan,
  identities: Identities,
  embedder: () => Promise<EmbedShard>,
): Promise<void> {
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
  const shards = await writeShards(target, plan, identities.identity, embedder);
  await finish(target, plan, identities, shards);
  if (isOther) putInPlace(path, target);
}

type Identities = Pick<FeatureSummary, "identity" | "rowsIdentity">;

/** Writes vectors that are in memory, as one folder. @param vectors [N, F], a row for each of `plan.rows.files` */
export async function writeFeatures(folder: string, plan: FeaturePlan, vectors: Vectors): Promise<Features> {
  const { data, length } = vectors;
  return ensureFeatureFolder(folder, plan, async () => async (files, start) => ({
    vectors: {
      data: data.subarray(start * length, (start + files.length) * length),
      ...{ count: files.length, length },
    },
    skipped: [],
  }));
}

/** What a finished shard says of itself. */
interface Shard {
  file: string;
  count: number;
  length: number;
  skipped: readonly UnusableImage[];
}

async function writeShards(
  folder: string,
  plan: FeaturePlan,
  identity: string,
  embedder: () => Promise<EmbedShard>,
): Promise<Shard[]> {
  const { rows, dtype = "float16", rowsPerShard = ROWS_PER_SHARD } = plan;
  const shards: Shard[] = [];
  let embed: EmbedShard | undefined;
  for (let start = 0; start < rows.files.length; start += rowsPerShard) {
    const file = FEATURE_FILES.shard(shards.length);
    const finished = readShard(folder, file, identity);
    if (finished) {
      shards.push(finished);
      continue;
    }
    embed ??= await embedder();
    const count = Math.min(rowsPerShard, rows.files.length - start);
    const files = Array.from({ length: count }, (_, row) => rows.files.at(start + row)!);
    const { vectors, skipped } = await embed(files, start);
    if (dtype === "float16") requireHalves(vectors, files);
    const shape = [vectors.count, vectors.length];
    const metadata = { identity, skipped: JSON.stringify(skipped) };
    const entry = { name: SHARD_TENSOR, shape, data: vectors.data };
    await writeSafetensors(join(folder, file), [entry], metadata, STORED_AS[dtype]);
    shards.push({ file, count: vectors.count, length: vectors.length, skipped });
  }
  return shards;
}

/** A shard of an earlier start; undefined where there is none of this plan. */
function readShard(folder: string, file: string, identity: string): Shard | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const { metadata, tensors, close } = openSafetensors(path);
  close();
  if (metadata.identity !== identity) return undefined;
  const [count, length] = tensors.get(SHARD_TENSOR)!.shape as [number, number];
  return { file, count, length, skipped: JSON.parse(metadata.skipped!) as UnusableImage[] };
}

async function finish(
  folder: string,
  { rows, madeBy, dtype = "float16" }: FeaturePlan,
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
      skipped.map(({ file, reason }) => [file, reason]),
    );
  const summary: FeatureSummary = {
    ...{ count, length: shards.find((shard) => shard.count > 0)!.length, dtype },
    shards: shards.filter((shard) => shard.count > 0).map(({ file, count }) => ({ file, count })),
    ...{ skipped: skipped.length, madeBy, ...identities },
  };
  writeJson(join(folder, FEATURE_FILES.summary), summary);
}

async function writeRows(path: string, rows: FeatureRows, skipped: ReadonlySet<string>): Promise<void> {
  const numbers = [rows.labels, rows.folds].filter((values) => values !== undefined);
  const columns = ["image_files", ...(rows.labels ? ["labels"] : []), ...(rows.folds ? ["fold"] : [])];
  function* lines(): Generator<(string | number)[]> {
    let row = 0;
    for (const file of rows.files) {
      if (!skipped.has(file)) yield [file, ...numbers.map((values) => values[row]!)];
      row++;
    }
  }
  await writeCsv(path, columns, lines());
}

/** Shards beyond those of this plan, of a longer list before. */
function removeOtherShards(folder: string, shards: readonly Shard[]): void {
  const ours = new Set(shards.map(({ file }) => file));
  for (const name of readdirSync(folder)) {
    if (/^features_\d+\.safetensors$/.test(name) && !ours.has(name)) rmSync(join(folder, name));
  }
}

/** The identity of the plan whose features a folder holds, finished or not; undefined where there are none. */
function identityIn(folder: string): string | undefined {
  const shard = join(folder, FEATURE_FILES.shard(0));
  return readSummary(folder)?.identity ?? (existsSync(shard) ? openedIdentity(shard) : undefined);
}

function openedIdentity(path: string): string | undefined {
  const { metadata, close } = openSafetensors(path);
  close();
  return metadata.identity;
}

function requireHalves({ data, length }: Vectors, files: readonly string[]): void {
  const large = data.findIndex((value) => !(Math.abs(value) < 65520));
  if (large < 0) return;
  throw new UserError(
    `A feature is ${data[large]} (row ${Math.floor(large / length)} of the shard that begins with ${files[0]}): float16 ends at 65,504.`,
    "Keep the features as float32 (--dtype float32).",
  );
}

function identityOf({ rows, madeBy, dtype = "float16", rowsPerShard = ROWS_PER_SHARD }: FeaturePlan): string {
  return digest([JSON.stringify([madeBy, dtype, rowsPerShard])], rows.files);
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
