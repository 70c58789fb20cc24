// JPEGs decoded and encoded, as tfjs functions to be traced: TensorFlow's own kernels, for the CPU.

import type { tf } from "../../engine/native/tf";
import { rawOp } from "../../engine/tracing/raw_op";

/** JPEG bytes -> uint8 [H, W, 3]. OpenCV and libvips use the same accurate inverse DCT. */
export function decodeJpeg(bytes: tf.Tensor, ratio: number): tf.Tensor {
  return rawOp("DecodeJpeg", [bytes], { channels: 3, ratio, dct_method: "INTEGER_ACCURATE" })[0]!;
}

/** Raw bytes -> uint8 [H, W, 3]. */
export function unpackPixels(bytes: tf.Tensor, shape: tf.Tensor): tf.Tensor {
  const [flat] = rawOp("DecodeRaw", [bytes], { out_type: "uint8" });
  return rawOp("Reshape", [flat!, shape])[0]!;
}

/** uint8 [H, W, 3] -> JPEG bytes, 4:2:0, standard Huffman tables: what OpenCV's `imwrite` writes. */
export function encodeJpeg(pixels: tf.Tensor, quality: number): tf.Tensor {
  return rawOp("EncodeJpeg", [pixels], { quality })[0]!;
}
