// Opens a file of weights of any format, or several files with their index.
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
import { findTensor, joinNames, type TensorFile, tensorReaders } from "./tensor_file";

/** The ending of an index's name. */
const INDEX = ".index.json";
/** The name of one of several files (a shard): its number and their count. */
const SHARD = /^(.*)-(\d{5})-of-(\d{5})(\.\w+)$/;

/** Names of files of weights, the best first: open_clip's own names, then formats that hold nothing but weights. */
export const WEIGHT_FILES = [
  "open_clip_model.safetensors",
  "open_clip_pytorch_model.safetensors",
  "model.safetensors",
  "model.safetensors.index.json",
  "open_clip_pytorch_model.bin",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
/** Files that training writes in addition to weights. */
const NO_WEIGHTS = /^(training_args|optimizer|scheduler|scaler|rng_state|random_states)/;

/** The part of an index that is read: the file in the index's folder that holds each tensor. */
const SHARDS = z.object({ weight_map: z.record(z.string(), z.string()) });
type Index = z.infer<typeof SHARDS>;

/**
 * Opens a file of weights, whatever its format and name: safetensors, PyTorch's, or several files with their index
 * (`*.index.json`). For a folder, opens the file of weights in it.
 * @throws UserError if it is missing, cut short, of another kind, one of several files, or asks for more than tensors
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
 * Returns the file of weights in a folder (a clone of a repository, a saved model); a path of a file as it is.
 * @throws UserError if the folder has no file of weights, or several, all with unknown names
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
      ? `${path} is a folder with several files of weights: ${joinNames(whole)}.`
      : `${path} is a folder without a file of weights; it holds ${joinNames(names)}.`,
    "Name the file.",
  );
}

/** @throws UserError for one of several files, which has only some of the tensors */
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

/** Tells whether a file is an index of others, by its name. */
export function isIndex(path: string): boolean {
  return path.endsWith(INDEX);
}

/**
 * Returns the files that an index names: plain names, all in the folder of the index.
 * @throws UserError if it is not an index, or names a file in another folder
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
    `${path} names files that are not in its folder: ${joinNames(outside.map(String))}. Nothing was read.`,
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
    `${path} names ${shardNames(path).length} files, of which ${missing.length} are missing: ${joinNames(missing)}.`,
    `Download them into ${dirname(path)}.`,
  );
}
