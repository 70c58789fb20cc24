// JPEG files -> pixels of a model's input size, by one graph of TensorFlow's kernels that lives as long as the process.
import { type FunctionHandle, functionHandle } from "../../tensorflow/function_handle";
import { Program } from "../../tensorflow/program";
import { MAX_SIDE_PX } from "../resize";
import { decodeJpeg, resizePixels } from "./graph";
import { JPEG_PLANS, planName } from "./plan";

/** The decoders of an input size, by `planName`, for other threads. Their input is called `bytes`. */
export type JpegDecoders = Readonly<Record<string, FunctionHandle>>;

const BYTES = { shape: [], dtype: "string" } as const;

let program: Program | undefined;
const decodersBySize = new Map<number, JpegDecoders>();

/**
 * What brings a JPEG under the resize rule and squashes it to `imageSizePx` x `imageSizePx` (bilinear): uint8 [S, S, 3],
 * the pixels of `resizeBilinear(resizeRgb(...))`, at most 1 of 255 off.
 */
export function jpegDecoders(imageSizePx: number): JpegDecoders {
  const known = decodersBySize.get(imageSizePx);
  if (known) return known;
  program ??= new Program({ cpuOnly: true, onCallersThread: true });
  const graphs = program;
  const handles = JPEG_PLANS.map((plan) => {
    const decoder = graphs.function(
      `${planName(plan)}_${imageSizePx}`,
      ({ bytes }) => {
        const bounded = resizePixels(decodeJpeg(bytes, 1), plan.method, MAX_SIDE_PX);
        return resizePixels(bounded, plan.squash, imageSizePx);
      },
      { bytes: BYTES },
    );
    return [planName(plan), functionHandle(decoder)] as const;
  });
  const decoders = Object.fromEntries(handles);
  decodersBySize.set(imageSizePx, decoders);
  return decoders;
}
