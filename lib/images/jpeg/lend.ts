// JPEGs decoded in a thread: the engine's decoders are called by their addresses, tfjs is not loaded.
import { callHandle } from "../../tensorflow/function_handle";
import { EngineError } from "../../tensorflow/status";
import type { RgbImage } from "../decode";
import type { JpegDecoders } from "./decoder";
import { jpegPlan, planName } from "./plan";

/**
 * Lends the pixels of a JPEG at a model's input size, uint8 [S, S, 3], for the time of the call; false, without a call
 * of `use`, for what sharp has to decode or refuse.
 * @param decoders of that size
 * @param sizePx S
 */
export function lendJpeg(
  decoders: JpegDecoders,
  sizePx: number,
  file: Uint8Array,
  use: (image: RgbImage) => void,
): boolean {
  const plan = jpegPlan(file, sizePx);
  if (!plan) return false;
  try {
    callHandle(decoders[planName(plan)]!, { bytes: [file] }, ([pixels]) =>
      use({ data: pixels!.data as Uint8Array, width: sizePx, height: sizePx }),
    );
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}
