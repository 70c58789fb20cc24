// Opens a weight file of any format, or several files with their index.
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { byCodeUnit } from "../common/code_units";
import { UserError } from "../common/errors";
import { readJson } from "../common/files/files";
import { weightFormat } from "./file_kind";
import { openPyTorch } from "./pytorch";
import { openSafetensors } from "./safetensors";
import type { TensorInfo } from "./safetensors_header";
import { findTensor, listNames, type TensorFile, tensorReaders } from "./tensor_file";

/** How the names of indexes end. */
const INDEX = ".index.json";
/** One of several files: its number, how many there are. */
const SHARD = /^(.*)-(\d{5})-of-(\d{5})(\.\w+)$/;

/** Names of files with weights, the best first: open_clip's own names, a format that holds nothing but weights. */
export const WEIGHT_FILES = [
  "open_clip_model.safetensors",
  "open_clip_pytorch_model.safetensors",
  "model.safetensors",
  "model.safetensors.index.json",
  "open_clip_pytorch_model.bin",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
/** What training leaves beside weights. */
const NO_WEIGHTS = /^(training_args|optimizer|scheduler|scaler|rng_state|random_states)/;

/** The part of an index that is read: which file, beside the index, holds which tensor. */
const SHARDS = z.object({ weight_map: z.record(z.string(), z.string()) });
type Index = z.infer<typeof SHARDS>;

/**
 * Opens a file of weights, whatever its format and name: safetensors, PyTorch's, or several files with their index
 * (`*.index.json`); or the one that a folder holds.
 * @throws UserError when it is missing, cut short, of another kind, one of several files or asks for more than tensors
 */
export async function openWeights(path: string): Promise<TensorFile> {
  const file = weightsFile(path);
  refuseShard(file);
  return openFile(file);
}

async function openFile(path: string): Promise<TensorFile> {
  const format = weightFormat(path);
  if (format === "json") return openShards(path);
  const isSafetensors = format ? format === "safetensors" : path.endsWith(".safetensors");
  return isSafetensors ? openSafetensors(path) : openPyTorch(path);
}

/**
 * The file of weights that a folder holds (a clone of a repository, a model that was saved); a file is itself.
 * @throws UserError when the folder holds none, or several of which none has a name that is known
 */
export function weightsFile(path: string): string {
  if (!existsSync(path) || !statSync(path).isDirectory()) return path;
  const names = readdirSync(path).sort(byCodeUnit);
  const known = WEIGHT_FILES.find((name) => names.includes(name));
  if (known) return join(path, known);
  const files = names.filter((name) => /\.(safetensors|pt|pth|pth\.tar|bin|ckpt|index\.json)$/.test(name));
  const weights = files.filter((name) => !NO_WEIGHTS.test(name));
  const whole = weights.filter((name) => !SHARD.test(name));
  if (whole.length === 1) return join(path, whole[0]!);
  if (weights.length === 1 || (weights.length > 0 && whole.length === 0)) return join(path, weights[0]!);
  throw new UserError(
    whole.length > 1
      ? `${path} is a folder with several files of weights: ${listNames(whole)}.`
      : `${path} is a folder without a file of weights; it holds ${listNames(names)}.`,
    "Name the file.",
  );
}

/** @throws UserError for one of several files, in which only some of the tensors are */
function refuseShard(path: string): void {
  const [, name, number, count, ending] = SHARD.exec(basename(path)) ?? [];
  if (count === undefined || Number(count) < 2) return;
  const index = join(dirname(path), `${name}${ending}${INDEX}`);
  throw new UserError(
    `${path} is file ${Number(number)} of ${Number(count)}: the weights are spread over all of them.`,
    existsSync(index)
      ? `Name their index: ${index}`
      : `Download all of them and their index, ${basename(index)}, into one folder, and name the index.`,
  );
}

/** Whether a file is an index of others. */
export function isIndex(path: string): boolean {
  return path.endsWith(INDEX);
}

/**
 * The files that an index names: plain names, all in the folder of the index.
 * @throws UserError when it is no index, or names a file elsewhere
 */
export function shardNames(path: string): string[] {
  return [...new Set(Object.values(readIndex(path).weight_map))];
}

function readIndex(path: string): Index {
  const next = "An index of weights has a weight_map. Name a file of weights, or download the index again.";
  const { weight_map: map } = readJson(path, SHARDS, next);
  const outside = Object.values(map).filter((name) => !/^\w[\w.-]*$/.test(name));
  if (outside.length === 0) return { weight_map: map };
  throw new UserError(
    `${path} names files that are not in its folder: ${listNames(outside.map(String))}. Nothing was read.`,
  );
}

async function openShards(path: string): Promise<TensorFile> {
  const { weight_map: map } = readIndex(path);
  requireShards(path);
  const shards = new Map<string, TensorFile>();
  const close = () => {
    for (const shard of shards.values()) shard.close();
  };
  try {
    for (const name of shardNames(path)) shards.set(name, await openFile(join(dirname(path), name)));
    const shardOf = (name: string) => shards.get(map[name]!)!;
    const tensors = new Map<string, TensorInfo>(
      Object.entries(map).map(([name, shard]) => [
        name,
        findTensor(join(dirname(path), shard), shardOf(name).tensors, name),
      ]),
    );
    const readInto = (name: string, memory: Float32Array) => shardOf(name).readInto(name, memory);
    return { metadata: {}, tensors, ...tensorReaders(basename(path), tensors, readInto), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** @throws UserError naming the files of an index that are missing */
function requireShards(path: string): void {
  const missing = shardNames(path).filter((name) => !existsSync(join(dirname(path), name)));
  if (missing.length === 0) return;
  throw new UserError(
    `${path} names ${shardNames(path).length} files, of which ${missing.length} are missing: ${listNames(missing)}.`,
    `Download them into ${dirname(path)}.`,
  );
}
