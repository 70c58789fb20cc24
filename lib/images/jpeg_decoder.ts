// JPEG files -> pixels of a model's input size, by one graph of TensorFlow's kernels that lives as long as the process.
import type { GraphFunction } from "../tensorflow/graph_function";
import { Program } from "../tensorflow/program";
import { EngineError } from "../tensorflow/status";
import type { tf } from "../tensorflow/tf";
import { assertPixels, type RgbImage } from "./decode";
import { decodeJpeg, type ResizeMethod, resizePixels } from "./jpeg_graph";
import { isPlainJpeg, readJpegHeader } from "./jpeg_header";
import { MAX_SIDE_PX, resizePlan } from "./resize";

const BYTES = { shape: [], dtype: "string" } as const;

let program: Program | undefined;
const functions = new Map<string, GraphFunction<"bytes", tf.Tensor>>();

/**
 * Decodes a JPEG, brings it under the resize rule and squashes it to `imageSizePx` x `imageSizePx` (bilinear): the
 * pixels of `resizeBilinear(resizeRgb(...))`, at most 1 of 255 off, off the main thread. Calls may overlap.
 * @param file the file's bytes
 * @returns undefined for what sharp has to decode: no JPEG, CMYK, turned by EXIF, or refused by TensorFlow's decoder
 * @throws ImageError for more pixels than are decoded
 */
export async function decodeJpegToSize(file: Uint8Array, imageSizePx: number): Promise<RgbImage | undefined> {
  const header = readJpegHeader(file);
  if (!header || !isPlainJpeg(header)) return undefined;
  const { width, height } = header;
  assertPixels(width * height);
  try {
    const { data } = await functionFor(width, height, imageSizePx).run({ bytes: [file] });
    return { data: data as Uint8Array, width: imageSizePx, height: imageSizePx };
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** One function for each way in which an image can get its size. */
function functionFor(width: number, height: number, size: number): GraphFunction<"bytes", tf.Tensor> {
  const plan = resizePlan(width, height);
  const isHalved = plan.method === "area" && width === 2 * plan.width && height === 2 * plan.height;
  const method: ResizeMethod = isHalved ? "halve" : plan.method;
  const squash: ResizeMethod = plan.width === size && plan.height === size ? "keep" : "linear";
  const name = `${method}_${squash}_${size}`;
  const known = functions.get(name);
  if (known) return known;
  program ??= new Program({ cpuOnly: true });
  const made = program.function(
    name,
    ({ bytes }) => resizePixels(resizePixels(decodeJpeg(bytes, 1), method, MAX_SIDE_PX), squash, size),
    { bytes: BYTES },
  );
  functions.set(name, made);
  return made;
}
