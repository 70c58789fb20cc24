// JPEG decoding and encoding as tfjs functions, called while tracing: TensorFlow's kernels for the CPU.

import type { tf } from "../../engine/native/tf";
import { rawOp } from "../../engine/tracing/raw_op";

/** Decodes JPEG bytes to uint8 [H, W, 3]. OpenCV and libvips use the same accurate inverse DCT. */
export function decodeJpeg(bytes: tf.Tensor, ratio: number): tf.Tensor {
  return rawOp("DecodeJpeg", [bytes], { channels: 3, ratio, dct_method: "INTEGER_ACCURATE" })[0]!;
}

/** Reads raw bytes as uint8 [H, W, 3]. */
export function unpackPixels(bytes: tf.Tensor, shape: tf.Tensor): tf.Tensor {
  const [flat] = rawOp("DecodeRaw", [bytes], { out_type: "uint8" });
  return rawOp("Reshape", [flat!, shape])[0]!;
}

/** Encodes uint8 [H, W, 3] to JPEG bytes like OpenCV's `imwrite`: 4:2:0, standard Huffman tables. */
export function encodeJpeg(pixels: tf.Tensor, quality: number): tf.Tensor {
  return rawOp("EncodeJpeg", [pixels], { quality })[0]!;
}
