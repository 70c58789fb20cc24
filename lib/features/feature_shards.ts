// The shards of a folder of features: written one after the other, each renamed into place when it is complete.
// Shapes: N images, F features per image.
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { type Part, takesPiece } from "../common/files/part";
import { parseJson } from "../common/schema";
import type { Vectors } from "../common/vectors";
import { openSafetensors, writeSafetensors } from "../formats/safetensors";
import type { UnusableImage } from "../images/loading/pixel_loader";
import { FEATURE_FILES, type FeatureDtype, SHARD_TENSOR, STORED_AS } from "./feature_files";
import { type EmbedShard, type FeaturePlan, ROWS_PER_SHARD } from "./feature_plan";
import {
  findPresent,
  joinContents,
  type ShardOrigin,
  SourceNotes,
  splitContents,
  spreadContents,
  weightsContent,
} from "./feature_sources";

/** The metadata of a finished shard. */
export interface Shard extends ShardOrigin {
  file: string;
  /** The identity of the plan that it was written for. */
  identity: string | undefined;
  /** Positions of the skipped images in the shard's list. */
  skippedAt: readonly number[];
  count: number;
  length: number;
  dtype: FeatureDtype;
}

/** Lists the shards of a plan, or of a part of it: their files, and the images of each. */
export function* shardsOf(
  { rows, rowsPerShard = ROWS_PER_SHARD, firstShard = 0 }: FeaturePlan,
  part: Part = { index: 1, count: 1 },
) {
  for (let start = 0; start < rows.files.length; start += rowsPerShard) {
    if (!takesPiece(part, start / rowsPerShard)) continue;
    const count = Math.min(rowsPerShard, rows.files.length - start);
    const files = Array.from({ length: count }, (_, row) => rows.files.at(start + row)!);
    yield { file: FEATURE_FILES.shard(firstShard + start / rowsPerShard), start, files };
  }
}

/** What `writeShards` knows of a folder; if omitted, it writes all shards. */
export interface ShardWriting {
  /** Shards that stay, by file. */
  kept?: ReadonlyMap<string, Shard>;
  notes?: SourceNotes;
  /** Only the shards of this part are written. */
  part?: Part | undefined;
}

/**
 * Writes the missing shards of a plan to a folder.
 * @param embedder called only if a shard is missing
 * @returns all shards, those that stayed too
 */
export async function writeShards(
  folder: string,
  plan: FeaturePlan,
  identity: string,
  embedder: () => Promise<EmbedShard>,
  { kept = new Map(), notes = new SourceNotes(folder), part }: ShardWriting = {},
): Promise<Shard[]> {
  const shards: Shard[] = [];
  let embed: EmbedShard | undefined;
  for (const { file, start, files } of shardsOf(plan, part)) {
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
  // The first shard does not wait for its folder to come back: it never was there.
  const found = sources && (await findPresent(sources, files, start === 0 ? [] : undefined));
  const { seen, present } = found ?? { seen: undefined, present: files };
  const weights = sources && (await weightsContent(sources));
  const { vectors, contents, ...result } = await embed(present, start);
  if (sources && contents?.length !== present.length)
    throw new Error("An embedder returned no hashes of the images.");
  const skipped = inOrder(files, [...missingOf(files, present), ...result.skipped]);
  const dtype = fittingDtype(vectors, files, skipped, plan.dtype);
  const origin = seen && spreadContents(seen, contents!);
  const skippedAt = skipped.map(({ file }) => files.indexOf(file));
  const metadata = {
    identity,
    skipped: JSON.stringify(skipped),
    ...(origin ? { contents: joinContents(origin), skippedAt: JSON.stringify(skippedAt) } : {}),
    ...(weights === undefined ? {} : { weights }),
  };
  const shape = [vectors.count, vectors.length];
  const entry = { name: SHARD_TENSOR, shape, data: vectors.data };
  await writeSafetensors(path, [entry], metadata, STORED_AS[dtype]);
  const file = basename(path);
  if (origin) notes.note(file, origin, seen);
  const { count, length } = vectors;
  return {
    file,
    identity,
    count,
    length,
    dtype,
    skipped,
    skippedAt,
    contents: origin,
    weights,
    madeMs: Date.now(),
  };
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

/** Reads the metadata of a shard from an earlier start; undefined if there is no such file. */
export function readShard(folder: string, file: string): Shard | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  const next = "It is then recomputed.";
  const { metadata, tensors, close } = openSafetensors(path, next);
  close();
  const { shape = [], dtype: stored } = tensors.get(SHARD_TENSOR) ?? {};
  const [count, length, ...others] = shape;
  if (count === undefined || length === undefined || others.length > 0)
    throw new UserError(`${path} holds no rows "${SHARD_TENSOR}".`, `Delete it. ${next}`);
  const note = <T>(name: string, schema: z.ZodType<T>, absent: string) =>
    parseJson(`${path}, "${name}"`, metadata[name] ?? absent, schema, `Delete it. ${next}`);
  return {
    file,
    identity: metadata.identity,
    count,
    length,
    contents: splitContents(metadata.contents),
    weights: metadata.weights,
    dtype: stored === "F16" ? "float16" : "float32",
    skipped: note("skipped", SKIPPED, ""),
    skippedAt: note("skippedAt", SKIPPED_AT, "[]"),
    madeMs: statSync(path).mtimeMs,
  };
}

/** Returns the hash of each row's image, without skipped ones; undefined if the shard has none. */
export function rowContents({
  contents,
  skippedAt,
}: Pick<Shard, "contents" | "skippedAt">): string[] | undefined {
  const skipped = new Set(skippedAt);
  return contents?.filter((_, at) => !skipped.has(at));
}

/**
 * Returns the number format of a shard.
 * @param wanted the requested format; if omitted, the numbers decide
 * @throws UserError for numbers that are not finite, or too large for the requested format
 */
function fittingDtype(
  vectors: Vectors,
  files: readonly string[],
  skipped: readonly UnusableImage[],
  wanted: FeatureDtype | undefined,
): FeatureDtype {
  const { data, length } = vectors;
  requireFinite(vectors, files, skipped);
  if (wanted === "float32") return wanted;
  const large = data.findIndex((value) => Math.abs(value) >= FIRST_INFINITE_HALF);
  if (large < 0) return "float16";
  if (wanted === undefined) return "float32";
  const file = fileOf(large, length, files, skipped);
  throw new UserError(
    `A feature of ${file} is ${data[large]}: float16 ends at 65,504.`,
    "Keep the features as float32 (--dtype float32), or leave --dtype out.",
  );
}

/**
 * Checks that all features are finite.
 * @param vectors [n, F] of the files that were not skipped
 * @throws UserError naming an image
 */
export function requireFinite(
  { data, length }: Vectors,
  files: readonly string[],
  skipped: readonly UnusableImage[],
): void {
  const broken = data.findIndex((value) => !Number.isFinite(value));
  if (broken < 0) return;
  throw new UserError(
    `A feature of ${fileOf(broken, length, files, skipped)} is ${data[broken]}: it cannot be compared or learned from.`,
    "Look at the weights (NaN in them?), and at the precision: float32 has the widest range.",
  );
}

/** Returns the file of a number in the vectors. @param at its position in their array */
function fileOf(
  at: number,
  length: number,
  files: readonly string[],
  skipped: readonly UnusableImage[],
): string | undefined {
  const left = new Set(skipped.map(({ file }) => file));
  return files.filter((file) => !left.has(file))[Math.floor(at / length)];
}

/** The smallest number that float16 rounds to infinity. */
const FIRST_INFINITE_HALF = 65_520;
