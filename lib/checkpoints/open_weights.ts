import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { readJson } from "../common/files";
import { openPyTorch } from "./pytorch";
import { openSafetensors } from "./safetensors";
import type { TensorInfo } from "./safetensors_header";
import { findTensor, listNames, type TensorFile, tensorReaders } from "./tensor_file";

/** How the names of indexes end. */
const INDEX = ".index.json";

/** The part of an index that is read: which file, beside the index, holds which tensor. */
const SHARDS = z.object({ weight_map: z.record(z.string(), z.string()) });
type Index = z.infer<typeof SHARDS>;

/**
 * Opens a file of weights, whatever its format: safetensors (.safetensors), several files with an index
 * (.safetensors.index.json, .bin.index.json), or PyTorch's (all others).
 * @throws UserError when it is missing, cut short, of another kind or asks for more than tensors
 */
export async function openWeights(path: string): Promise<TensorFile> {
  if (path.endsWith(INDEX)) return openShards(path);
  return path.endsWith(".safetensors") ? openSafetensors(path) : openPyTorch(path);
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
  const { weight_map: map } = readJson(path, SHARDS, "Download the index of the weights again.");
  const outside = Object.values(map).filter((name) => !/^\w[\w.-]*$/.test(name));
  if (outside.length === 0) return { weight_map: map };
  throw new UserError(
    `${path} names files that are not in its folder: ${listNames(outside.map(String))}. Nothing was read.`,
  );
}

async function openShards(path: string): Promise<TensorFile> {
  const { weight_map: map } = readIndex(path);
  const shards = new Map<string, TensorFile>();
  const close = () => {
    for (const shard of shards.values()) shard.close();
  };
  try {
    for (const name of shardNames(path)) shards.set(name, await openWeights(join(dirname(path), name)));
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
