// JPEG files -> pixels of a model's input size, by one graph of TensorFlow's kernels that lives as long as the process.
import { type FunctionHandle, functionHandle } from "../tensorflow/function_handle";
import type { GraphFunction } from "../tensorflow/graph_function";
import { Program } from "../tensorflow/program";
import { EngineError } from "../tensorflow/status";
import type { tf } from "../tensorflow/tf";
import type { RgbImage } from "./decode";
import { decodeJpeg, resizePixels } from "./jpeg_graph";
import { JPEG_PLANS, type JpegPlan, jpegPlan, planName } from "./jpeg_plan";
import { MAX_SIDE_PX } from "./resize";

const BYTES = { shape: [], dtype: "string" } as const;

let program: Program | undefined;
const functions = new Map<string, GraphFunction<"bytes", tf.Tensor>>();

/**
 * Decodes a JPEG, brings it under the resize rule and squashes it to `imageSizePx` x `imageSizePx` (bilinear): the
 * pixels of `resizeBilinear(resizeRgb(...))`, at most 1 of 255 off, off the main thread. Calls may overlap.
 * @param file the file's bytes
 * @returns undefined for what sharp has to decode or refuse: what has no `jpegPlan`, or TensorFlow's decoder refuses
 */
export async function decodeJpegToSize(file: Uint8Array, imageSizePx: number): Promise<RgbImage | undefined> {
  const plan = jpegPlan(file, imageSizePx);
  if (!plan) return undefined;
  try {
    const { data } = await functionFor(plan, imageSizePx).run({ bytes: [file] });
    return { data: data as Uint8Array, width: imageSizePx, height: imageSizePx };
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/** The decoders of an input size, by `planName`, for other threads. Their input is called `bytes`. */
export type JpegDecoders = Readonly<Record<string, FunctionHandle>>;

/** Makes them. */
export function jpegDecoders(imageSizePx: number): JpegDecoders {
  const handles = JPEG_PLANS.map((plan) => [planName(plan), functionHandle(functionFor(plan, imageSizePx))]);
  return Object.fromEntries(handles);
}

function functionFor(plan: JpegPlan, size: number): GraphFunction<"bytes", tf.Tensor> {
  const name = `${planName(plan)}_${size}`;
  const known = functions.get(name);
  if (known) return known;
  program ??= new Program({ cpuOnly: true, onCallersThread: true });
  const made = program.function(
    name,
    ({ bytes }) => {
      const bounded = resizePixels(decodeJpeg(bytes, 1), plan.method, MAX_SIDE_PX);
      return resizePixels(bounded, plan.squash, size);
    },
    { bytes: BYTES },
  );
  functions.set(name, made);
  return made;
}
