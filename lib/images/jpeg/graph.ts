// What is done to an image, as tfjs functions to be traced: TensorFlow's own kernels, all of them for the CPU.
// Shapes: H, W source, h, w target.
import { rawOp } from "../../tensorflow/raw_op";
import { tf } from "../../tensorflow/tf";
import type { ResizePlan } from "../resize";

/** How pixels get their size; "halve" is "area" to exactly half of both sides, where OpenCV rounds ties up. */
export type ResizeMethod = ResizePlan["method"] | "halve";

/** JPEG bytes -> uint8 [H, W, 3]. OpenCV and libvips use the same accurate inverse DCT. */
export function decodeJpeg(bytes: tf.Tensor, ratio: number): tf.Tensor {
  return rawOp("DecodeJpeg", [bytes], { channels: 3, ratio, dct_method: "INTEGER_ACCURATE" })[0]!;
}

/** Raw bytes -> uint8 [H, W, 3]. */
export function unpackPixels(bytes: tf.Tensor, shape: tf.Tensor): tf.Tensor {
  const [flat] = rawOp("DecodeRaw", [bytes], { out_type: "uint8" });
  return rawOp("Reshape", [flat!, shape])[0]!;
}

/** uint8 [H, W, 3] -> uint8 [h, w, 3], both sides `size` unless kept: OpenCV's interpolations, at most 1 of 255 off. */
export function resizePixels(pixels: tf.Tensor, method: ResizeMethod, size: number): tf.Tensor {
  if (method === "keep") return pixels;
  const [batch] = rawOp("ExpandDims", [pixels, tf.scalar(0, "int32")]);
  const target = tf.tensor1d([size, size], "int32");
  const [resized] =
    method === "linear"
      ? rawOp("ResizeBilinear", [batch!, target], { half_pixel_centers: true })
      : rawOp("ResizeArea", [batch!, target]);
  const [rounded] = rawOp("Round", [method === "halve" ? tf.add(resized!, 1 / 8) : resized!]); // ties to even
  const [bytes] = rawOp("Cast", [rounded!], { DstT: "uint8" });
  return rawOp("Squeeze", [bytes!], { squeeze_dims: [0] })[0]!;
}

/** uint8 [h, w, 3] -> JPEG bytes, 4:2:0, standard Huffman tables: what OpenCV's `imwrite` writes. */
export function encodeJpeg(pixels: tf.Tensor, quality: number): tf.Tensor {
  return rawOp("EncodeJpeg", [pixels], { quality })[0]!;
}
