// Vectors on disk: a safetensors file with the rows, and a CSV beside it that names them. Shapes: N images, F length.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { openSafetensors, writeSafetensors } from "../checkpoints/safetensors";
import { writeCsv } from "../common/csv";
import type { Vectors } from "./neighbours";

const TENSOR_NAME = "vectors";

/**
 * The vectors of `files` from `path` when that file was made by the same `maker` from the same list of images,
 * else computed and written there.
 * @param maker everything that the vectors depend on besides the images
 * @returns [N, F], rows in the order of `files`
 */
export async function cachedVectors(
  path: string,
  maker: readonly unknown[],
  files: readonly string[],
  compute: () => Promise<Vectors>,
): Promise<Vectors> {
  const identity = createHash("sha256")
    .update(JSON.stringify([maker, files]))
    .digest("hex");
  const cached = readVectors(path, identity);
  if (cached) return cached;
  const vectors = await compute();
  await writeVectors(path, vectors, files, { identity });
  return vectors;
}

/** Writes vectors [N, F] and, beside them, `<path less .safetensors>.csv` with the image of each row. */
export async function writeVectors(
  path: string,
  { data, count, length }: Vectors,
  files: readonly string[],
  metadata: Record<string, string>,
): Promise<void> {
  const rows = files.map((file) => [file] as const);
  await writeCsv(path.replace(/(\.safetensors)?$/, ".csv"), ["image_files"], rows);
  await writeSafetensors(path, [{ name: TENSOR_NAME, shape: [count, length], data }], metadata);
}

function readVectors(path: string, identity: string): Vectors | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSafetensors(path);
  try {
    if (file.metadata.identity !== identity) return undefined;
    const [count, length] = file.tensors.get(TENSOR_NAME)!.shape as [number, number];
    return { data: file.read(TENSOR_NAME), count, length };
  } finally {
    file.close();
  }
}
