// TensorFlow's JPEG decoder and encoder for worker threads: the main thread opens them, all threads use them.

import { heldStream, holdStderr } from "../../engine/native/native_stderr";
import { functionHandle } from "../../engine/program/function_handle";
import { Program } from "../../engine/program/program";
import { RATIOS, type SharedJpegEngine } from "./convert";
import { decodeJpeg, encodeJpeg, unpackPixels } from "./graph";

/** JPEG decoder and encoder. After `close` no thread may use them. */
export class JpegEngine {
  /** Plain data that can be posted to threads. */
  readonly shared: SharedJpegEngine;
  readonly #program = new Program({ cpuOnly: true, onCallersThread: true });

  /** @param jpegQuality 1..100 */
  constructor(jpegQuality: number) {
    const decoders = RATIOS.map((ratio) => {
      const body = ({ bytes }: { bytes: Parameters<typeof decodeJpeg>[0] }) => decodeJpeg(bytes, ratio);
      return [ratio, functionHandle(this.#program.function(`decode_${ratio}`, body, { bytes: BYTES }))];
    });
    const encoder = this.#program.function(
      "encode",
      ({ bytes, shape }) => encodeJpeg(unpackPixels(bytes, shape), jpegQuality),
      { bytes: BYTES, shape: { shape: [3], dtype: "int32" } },
    );
    this.shared = {
      decode: Object.fromEntries(decoders),
      encode: functionHandle(encoder),
      stderr: heldStream(),
    };
  }

  /** Frees decoder and encoder. */
  close(): void {
    this.#program.dispose();
  }
}

/** Runs `work` while threads decode, and drops what the decoders print. Calls may overlap. */
export async function holdDecoderMessages<T>(work: () => Promise<T>): Promise<T> {
  const stderr = holdStderr();
  try {
    return await work();
  } finally {
    stderr.release((line) => DECODER_MESSAGE.test(line));
  }
}

/** Messages of libjpeg (its jerror.h) and of TensorFlow's wrapper. */
const DECODER_MESSAGE =
  /^(Arithmetic|Bogus|Didn't|Empty|Huffman|Image too|Improper|Invalid|Maximum|Missing|Quantization|Sorry|Unknown|Unsupported) |JPEG|JFIF|jpeg_mem|Input file read error|progression|SOS|absl::InitializeLog/;

const BYTES = { shape: [], dtype: "string" } as const;
