// Resizes images of any size to a model's input within a graph, with the same pixels as a `PixelLoader`.
// Shapes: B images, H, W their size, S side of the model's square input.

import type { ResizeMode } from "../config/model";
import type { DType } from "../engine/native/dtypes";
import { tf } from "../engine/native/tf";
import { rawOp } from "../engine/tracing/raw_op";
import { WEIGHT_ONE } from "./pixels/linear_resize";
import { MAX_SIDE_PX } from "./resize";

/**
 * Applies the resize rule (`resizePlan`) to images, or to the squares that `mode` makes of them, then squashes them to
 * S x S (bilinear). Each step rounds to whole numbers, like pixels in a file. Works only while tracing.
 * @param given uint8 [B, H, W, 3]; H and W may be open
 * @returns float32 [B, S, S, 3] in 0..255
 */
export function resizeToInput(given: tf.Tensor, sizePx: number, mode: ResizeMode): tf.Tensor4D {
  const images = SQUARED[mode](given);
  const size = tf.slice(op("Shape", images), [1], [2]); // [H, W]
  const limit = tf.tensor1d([MAX_SIDE_PX, MAX_SIDE_PX], "int32");
  const isKept = tf.lessEqual(tf.max(size), MAX_SIDE_PX);
  const bounded = op("SelectV2", isKept, size, limit);
  const isReduced = tf.greater(tf.min(size), MAX_SIDE_PX);
  // Both branches are computed; the one that is not used makes a single pixel.
  const pixel = tf.tensor1d([1, 1], "int32");
  const area = areaResized(images, size, op("SelectV2", isReduced, bounded, pixel));
  const linear = bilinear(images, size, op("SelectV2", isReduced, pixel, bounded));
  const square = tf.tensor1d([sizePx, sizePx], "int32");
  const pixels = bilinear(op("SelectV2", isReduced, area, linear), bounded, square);
  // a padded image's channels are known only when the graph runs
  const shape = tf.tensor1d([given.shape[0]!, sizePx, sizePx, 3], "int32");
  return op("Reshape", cast(pixels, "float32"), shape) as tf.Tensor4D;
}

/** Makes squares of images at their own resolution, like `inputSquare`. uint8 [B, H, W, 3] in, [B, N, N, 3] out. */
const SQUARED: Record<ResizeMode, (images: tf.Tensor) => tf.Tensor> = {
  squash: (images) => images,
  crop: (images) => {
    const { height, width } = sidesOf(images);
    const length = op("Minimum", height, width);
    const [top, left] = [height, width].map((side) => half(op("Sub", side, length)));
    const begin = op("Pack", int(0), top!, left!, int(0));
    return op("Slice", images, begin, op("Pack", int(-1), length, length, int(-1)));
  },
  pad: (images) => {
    const { height, width } = sidesOf(images);
    const length = op("Maximum", height, width);
    const margins = [height, width].flatMap((side) => {
      const margin = op("Sub", length, side);
      return [half(margin), op("Sub", margin, half(margin))];
    });
    const flat = op("Pack", int(0), int(0), ...margins, int(0), int(0));
    return op("Pad", images, op("Reshape", flat, tf.tensor1d([4, 2], "int32")));
  },
};

function sidesOf(images: tf.Tensor) {
  const size = op("Shape", images);
  return { height: side(size, 1), width: side(size, 2) };
}

function half(whole: tf.Tensor): tf.Tensor {
  return op("RightShift", whole, int(1));
}

/** Resizes by OpenCV's INTER_AREA, which rounds ties up if both sides are halved, else to even. uint8 in and out. */
function areaResized(images: tf.Tensor, size: tf.Tensor, target: tf.Tensor): tf.Tensor {
  const isHalved = tf.all(tf.equal(size, 2 * MAX_SIDE_PX));
  const bias = tf.mul(tf.cast(isHalved, "float32"), 1 / 8);
  return cast(op("Round", op("AddV2", op("ResizeArea", images, target), bias)), "uint8");
}

/**
 * Resizes by OpenCV's INTER_LINEAR to the bit, like `LinearResizer`; an image of the target size stays the same.
 * @param images uint8 [B, H, W, 3]
 * @param size [H, W]
 * @param target [h, w]
 * @returns uint8 [B, h, w, 3]
 */
function bilinear(images: tf.Tensor, size: tf.Tensor, target: tf.Tensor): tf.Tensor {
  const down = linearTaps(side(size, 0), side(target, 0), false);
  const across = linearTaps(side(size, 1), side(target, 1), true);
  const [left, right] = across.map(({ places, weights }) => {
    const pixels = cast(op("GatherV2", images, places, int(2)), "int32");
    return op("Mul", pixels, op("ExpandDims", weights, int(1)));
  });
  const reduced = op("RightShift", op("AddV2", left!, right!), int(4));
  const [top, bottom] = down.map(({ places, weights }) => {
    const rows = op("GatherV2", reduced, places, int(1));
    const columns = op("Reshape", weights, tf.tensor1d([-1, 1, 1], "int32"));
    return op("RightShift", op("Mul", rows, columns), int(16));
  });
  const sum = op("AddV2", top!, bottom!);
  return cast(op("RightShift", op("AddV2", sum, int(2)), int(2)), "uint8");
}

/** One of the two source positions of each target position, and its weight: int32 [target] each. */
interface Tap {
  places: tf.Tensor;
  weights: tf.Tensor;
}

/** Computes OpenCV's positions and weights along an axis, with its roundings, like `linearTaps` of linear_resize.ts. */
function linearTaps(source: tf.Tensor, target: tf.Tensor, isClamped: boolean): [Tap, Tap] {
  const double = (x: tf.Tensor) => cast(x, "float64");
  const half = double(tf.scalar(0.5));
  const scale = op("RealDiv", double(tf.scalar(1)), op("RealDiv", double(target), double(source)));
  const centres = op("AddV2", double(op("Range", int(0), target, int(1))), half);
  const position = cast(op("Sub", op("Mul", centres, scale), half), "float32");
  const floor = op("Floor", position);
  const place = cast(floor, "int32");
  const last = op("Sub", source, int(1));
  const isOutside = op("LogicalOr", op("Less", place, int(0)), op("GreaterEqual", place, last));
  const share = op("Sub", position, floor);
  const second = isClamped ? op("SelectV2", isOutside, tf.scalar(0), share) : share;
  const tap = (places: tf.Tensor, weight: tf.Tensor): Tap => ({
    places: op("Maximum", op("Minimum", places, last), int(0)),
    weights: cast(op("Round", op("Mul", weight, tf.scalar(WEIGHT_ONE))), "int32"), // ties to even
  });
  return [tap(place, op("Sub", tf.scalar(1), second)), tap(op("AddV2", place, int(1)), second)];
}

/** Calls an operation and returns its first result. tfjs's own functions need known shapes. */
function op(name: string, ...inputs: tf.Tensor[]): tf.Tensor {
  return rawOp(name, inputs)[0]!;
}

function int(value: number): tf.Tensor {
  return tf.scalar(value, "int32");
}

function side(size: tf.Tensor, axis: number): tf.Tensor {
  return op("GatherV2", size, int(axis), int(0));
}

function cast(x: tf.Tensor, dtype: DType): tf.Tensor {
  return rawOp("Cast", [x], { DstT: dtype })[0]!;
}

/** Computes (x / 255 - mean) / std, [B, S, S, 3] -> [B, S, S, 3]; while tracing and in eager mode. */
export function normalisePixels(
  pixels: tf.Tensor4D,
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): tf.Tensor4D {
  return tf.div(tf.sub(tf.div(pixels, 255), tf.tensor1d([...mean])), tf.tensor1d([...std]));
}
