// Images of any size to a model's input, as part of a graph: the pixels of a `PixelLoader`, without knowing their size.
// Shapes: B images, H, W their size, S side of the square that a model takes.
import { rawOp } from "../tensorflow/raw_op";
import { tf } from "../tensorflow/tf";
import { MAX_SIDE_PX } from "./resize";

/**
 * Brings images under the resize rule (`resizePlan`), then squashes them to S x S, bilinear; rounded to whole numbers
 * after each step, as pixels in a file are. At most 1 of 255 off a `PixelLoader`. Only for traced functions.
 * @param images uint8 [B, H, W, 3], H and W open
 * @returns float32 [B, S, S, 3] in 0..255
 */
export function resizeToInput(images: tf.Tensor, sizePx: number): tf.Tensor4D {
  const [shape] = rawOp("Shape", [images]);
  const size = tf.slice(shape!, [1], [2]); // [H, W]
  const limit = tf.tensor1d([MAX_SIDE_PX, MAX_SIDE_PX], "int32");
  const isKept = tf.lessEqual(tf.max(size), MAX_SIDE_PX);
  const [bounded] = rawOp("SelectV2", [isKept, size, limit]);
  const isReduced = tf.greater(tf.min(size), MAX_SIDE_PX);
  const [pixels] = rawOp("SelectV2", [
    isReduced,
    areaResized(images, size, bounded!),
    bilinear(images, bounded!),
  ]);
  const square = tf.tensor1d([sizePx, sizePx], "int32");
  return round(bilinear(round(pixels!), square)) as tf.Tensor4D;
}

/** OpenCV's INTER_AREA, which rounds ties up where both sides are halved. */
function areaResized(images: tf.Tensor, size: tf.Tensor, target: tf.Tensor): tf.Tensor {
  const [resized] = rawOp("ResizeArea", [images, target]);
  const isHalved = tf.all(tf.equal(size, 2 * MAX_SIDE_PX));
  return rawOp("AddV2", [resized!, tf.mul(tf.cast(isHalved, "float32"), 1 / 8)])[0]!;
}

/** OpenCV's INTER_LINEAR; the same image where the size is the same. */
function bilinear(images: tf.Tensor, size: tf.Tensor): tf.Tensor {
  return rawOp("ResizeBilinear", [images, size], { half_pixel_centers: true })[0]!;
}

/** Ties to even. */
function round(x: tf.Tensor): tf.Tensor {
  return rawOp("Round", [x])[0]!;
}

/** (x / 255 - mean) / std. [B, S, S, 3] -> [B, S, S, 3]. */
export function normalisePixels(
  pixels: tf.Tensor4D,
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): tf.Tensor4D {
  return tf.div(tf.sub(tf.div(pixels, 255), tf.tensor1d([...mean])), tf.tensor1d([...std]));
}
