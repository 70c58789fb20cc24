// Writes a folder of features shard by shard: killed and started again, it goes on behind the last finished shard.
// Shapes: N images, F features of each.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { openSafetensors, writeSafetensors } from "../checkpoints/safetensors";
import { writeCsv } from "../common/csv";
import { UserError } from "../common/errors";
import { writeJson } from "../common/files";
import { projectPath } from "../common/project";
import { parseJson } from "../common/schema";
import type { UnusableImage } from "../images/loading/pixel_loader";
import {
  FEATURE_FILES,
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
  /** If omitted: float16, and float32 for shards with numbers that do not fit it. */
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
 * its name once it is whole.
 * @param embedder asked for only when a shard is missing
 * @throws UserError where the folder holds other features and `replace` is false, no image can be read, a feature is
 * NaN or infinite, or does not fit float16 although that was asked for
 */
export async function ensureFeatureFolder(
  folder: string,
  plan: FeaturePlan,
  embedder: () => Promise<EmbedShard>,
): Promise<Features> {
  const path = projectPath(folder);
  const identity = identityOf(plan);
  const rowsIdentity = digest(plan.rows.labels ?? [], plan.rows.folds ?? []);
  const present = readSummary(path);
  if (present?.identity === identity) refuseOtherDtype(path, present.dtype, plan.dtype);
  if (present?.identity === identity && present.rowsIdentity === rowsIdentity) return openFeatures(path);
  if (!plan.replace) refuseOthers(path, identity);
  rmSync(join(path, FEATURE_FILES.summary), { force: true });
  const shards = await writeShards(path, plan, identity, embedder);
  await finish(path, plan, { identity, rowsIdentity }, shards);
  return openFeatures(path);
}

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
  dtype: FeatureDtype;
  skipped: readonly UnusableImage[];
}

async function writeShards(
  folder: string,
  plan: FeaturePlan,
  identity: string,
  embedder: () => Promise<EmbedShard>,
): Promise<Shard[]> {
  const { rows, rowsPerShard = ROWS_PER_SHARD } = plan;
  const shards: Shard[] = [];
  let embed: EmbedShard | undefined;
  for (let start = 0; start < rows.files.length; start += rowsPerShard) {
    const file = FEATURE_FILES.shard(shards.length);
    const finished = readShard(folder, file, identity);
    if (finished && (plan.dtype === undefined || finished.dtype === plan.dtype)) {
      shards.push(finished);
      continue;
    }
    embed ??= await embedder();
    const count = Math.min(rowsPerShard, rows.files.length - start);
    const files = Array.from({ length: count }, (_, row) => rows.files.at(start + row)!);
    const { vectors, skipped } = await embed(files, start);
    const dtype = fittingDtype(vectors, files, skipped, plan.dtype);
    const shape = [vectors.count, vectors.length];
    const metadata = { identity, skipped: JSON.stringify(skipped) };
    const entry = { name: SHARD_TENSOR, shape, data: vectors.data };
    await writeSafetensors(join(folder, file), [entry], metadata, STORED_AS[dtype]);
    shards.push({ file, count: vectors.count, length: vectors.length, dtype, skipped });
  }
  return shards;
}

const SKIPPED = z.array(z.object({ file: z.string(), reason: z.string() })) satisfies z.ZodType<
  UnusableImage[]
>;

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
  const skipped = parseJson(`${path}, "skipped"`, metadata.skipped ?? "", SKIPPED, `Delete it. ${next}`);
  return { file, count, length, dtype: stored === "F16" ? "float16" : "float32", skipped };
}

async function finish(
  folder: string,
  { rows, madeBy }: FeaturePlan,
  identities: Pick<FeatureSummary, "identity" | "rowsIdentity">,
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
    ...{ count, length: shards.find((shard) => shard.count > 0)!.length },
    dtype: shards.some((shard) => shard.dtype === "float32") ? "float32" : "float16",
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

/** @throws UserError where the folder holds features of another plan, finished or not */
function refuseOthers(folder: string, identity: string): void {
  const shard = join(folder, FEATURE_FILES.shard(0));
  const found = readSummary(folder)?.identity ?? (existsSync(shard) && openedIdentity(shard));
  if (!found || found === identity) return;
  throw new UserError(
    `${folder} holds features of other images, or by other settings.`,
    "Choose another folder, or give --overwrite.",
  );
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

/** SHA-256 over lists, in pieces: the text of millions of paths would be longer than a string can be. */
function digest(...lists: (Iterable<string> | ArrayLike<number>)[]): string {
  const hash = createHash("sha256");
  for (const list of lists) {
    for (const value of list as Iterable<string | number>) hash.update(`${value}\0`);
    hash.update("\0");
  }
  return hash.digest("hex");
}
