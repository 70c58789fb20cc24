// JPEG decoder of the whole process: a graph of one kernel that lives as long as the process.
import { type FunctionHandle, functionHandle } from "../../engine/program/function_handle";
import { Program } from "../../engine/program/program";
import { decodeJpeg } from "./graph";

const BYTES = { shape: [], dtype: "string" } as const;

let decoder: FunctionHandle | undefined;

/** Returns the decoder for other threads: `bytes` -> uint8 [H, W, 3]. */
export function jpegDecoder(): FunctionHandle {
  if (!decoder) {
    const program = new Program({ cpuOnly: true, onCallersThread: true });
    decoder = functionHandle(
      program.function("decode_jpeg", ({ bytes }) => decodeJpeg(bytes, 1), { bytes: BYTES }),
    );
  }
  return decoder;
}
