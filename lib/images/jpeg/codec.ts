// TensorFlow's JPEG decoder and encoder for worker threads: opened by the main thread, used by all.

import { heldStream, holdStderr } from "../../engine/native/native_stderr";
import { functionHandle } from "../../engine/program/function_handle";
import { Program } from "../../engine/program/program";
import { RATIOS, type SharedJpegEngine } from "./convert";
import { decodeJpeg, encodeJpeg, unpackPixels } from "./graph";

/** The decoder and the encoder, until they are closed; no thread may then use them any more. */
export class JpegEngine {
  /** As threads take it. */
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

  /** Frees both. */
  close(): void {
    this.#program.dispose();
  }
}

/** Threads may decode while this runs: what the decoders print is kept back, and dropped. Calls may overlap. */
export async function holdDecoderMessages<T>(work: () => Promise<T>): Promise<T> {
  const stderr = holdStderr();
  try {
    return await work();
  } finally {
    stderr.release((line) => DECODER_MESSAGE.test(line));
  }
}

/** What libjpeg (its jerror.h) and TensorFlow's wrapper of it print. */
const DECODER_MESSAGE =
  /^(Arithmetic|Bogus|Didn't|Empty|Huffman|Image too|Improper|Invalid|Maximum|Missing|Quantization|Sorry|Unknown|Unsupported) |JPEG|JFIF|jpeg_mem|Input file read error|progression|SOS|absl::InitializeLog/;

const BYTES = { shape: [], dtype: "string" } as const;
