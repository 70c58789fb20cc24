// Writing of an ONNX file and its weights.

import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { elementCount } from "../../common/vectors";
import type { GraphTensor } from "../../engine/graph/graph";
import { dtypeRow, type NumericArray } from "../../engine/native/dtypes";
import type { Program } from "../../engine/program/program";
import type { ConvertedGraph } from "./conversion";
import { encodeOnnx, type OnnxTensor } from "./protos";

/** Weights up to this size go into the file itself: a protocol buffer is limited to 2 GB and is built in memory. */
const LARGEST_INSIDE_BYTES = 2 ** 30;
/** Alignment of external weights, so that they can be mapped into memory. */
const ALIGNMENT_BYTES = 4096;

/** The model's file. */
export const ONNX_FILE = "model.onnx";
/** The file of external weights, by the name that transformers.js expects. */
export const ONNX_DATA_FILE = "model.onnx_data";

/** Writes `model.onnx`, and `model.onnx_data` if the weights exceed 1 GB. @returns the files' names */
export async function writeOnnx(
  folder: string,
  program: Pick<Program, "viewAll">,
  { nodes, constants, weights, inputs, outputs }: ConvertedGraph,
  largestInside = LARGEST_INSIDE_BYTES,
): Promise<string[]> {
  const isInside = [...weights.values()].reduce((sum, weight) => sum + bytesOf(weight), 0) <= largestInside;
  const initializers = isInside
    ? await insideTensors(program, weights)
    : await externalTensors(join(folder, ONNX_DATA_FILE), program, weights);
  const graph = { nodes, initializers: [...constants, ...initializers], inputs, outputs };
  writeFileSync(join(folder, ONNX_FILE), encodeOnnx(graph));
  return isInside ? [ONNX_FILE] : [ONNX_FILE, ONNX_DATA_FILE];
}

function bytesOf({ dtype, shape }: GraphTensor): number {
  return elementCount(shape as number[]) * dtypeRow(dtype).bytes;
}

const rawBytes = ({ buffer, byteOffset, byteLength }: NumericArray) =>
  new Uint8Array(buffer, byteOffset, byteLength);

function describe(name: string, { dtype, shape }: GraphTensor): OnnxTensor {
  return { name, dtype, shape: shape as number[] };
}

async function insideTensors(
  program: Pick<Program, "viewAll">,
  weights: ConvertedGraph["weights"],
): Promise<OnnxTensor[]> {
  const tensors: OnnxTensor[] = [];
  await program.viewAll(weights.keys(), (name, memory) => {
    tensors.push({ ...describe(name, weights.get(name)!), rawData: rawBytes(memory).slice() });
  });
  return tensors;
}

async function externalTensors(
  path: string,
  program: Pick<Program, "viewAll">,
  weights: ConvertedGraph["weights"],
): Promise<OnnxTensor[]> {
  const tensors: OnnxTensor[] = [];
  const file = openSync(path, "wx");
  let offset = 0;
  try {
    await program.viewAll(weights.keys(), (name, memory) => {
      const bytes = rawBytes(memory);
      for (let done = 0; done < bytes.length; )
        done += writeSync(file, bytes, done, bytes.length - done, offset + done);
      const external = { location: ONNX_DATA_FILE, offset, length: bytes.length };
      tensors.push({ ...describe(name, weights.get(name)!), external });
      offset += Math.ceil(bytes.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    });
  } finally {
    closeSync(file);
  }
  return tensors;
}
