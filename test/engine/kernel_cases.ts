// Table of tfjs code that reaches each kernel of tfjs-node, one row per kernel.

import { randomStream } from "guie/dist/common/random";
import type { NumericArray } from "guie/dist/engine/native/dtypes";
import { tf } from "guie/dist/engine/native/tf";

/** An input with its values. */
export interface Input {
  shape: number[];
  dtype: "float32" | "int32" | "bool";
  values: NumericArray;
}

type Tensors = Record<string, tf.Tensor>;

/** Result of a case's code. */
export type Outputs = tf.Tensor | tf.Tensor[];

export interface KernelCase {
  kernel: string;
  inputs: Record<string, Input>;
  run(inputs: Tensors): Outputs;
}

const random = randomStream(1, "kernel cases");

function filled(shape: number[], next: () => number): Input {
  const length = shape.reduce((product, size) => product * size, 1);
  return { shape, dtype: "float32", values: Float32Array.from({ length }, next) };
}
const normal = (...shape: number[]) => filled(shape, () => 2 * random.normal());
const between = (low: number, high: number, ...shape: number[]) =>
  filled(shape, () => low + (high - low) * random.uniform());
const integers = (below: number, ...shape: number[]): Input => {
  const { values } = filled(shape, () => Math.floor(below * random.uniform()));
  return { shape, dtype: "int32", values: Int32Array.from(values as Float32Array) };
};
const booleans = (...shape: number[]): Input => {
  const { values } = filled(shape, () => Math.round(random.uniform()));
  return { shape, dtype: "bool", values: Uint8Array.from(values as Float32Array) };
};
const exactly = (shape: number[], ...values: number[]): Input => ({
  shape,
  dtype: "int32",
  values: Int32Array.from(values),
});

/** Kernels of one tensor, with the values on which they are defined. */
const UNARY: [kernel: string, call: (x: tf.Tensor) => tf.Tensor, input?: Input][] = [
  ["Abs", tf.abs],
  ["Acos", tf.acos, between(-1, 1, 3, 5)],
  ["Acosh", tf.acosh, between(1, 9, 3, 5)],
  ["Asin", tf.asin, between(-1, 1, 3, 5)],
  ["Asinh", tf.asinh],
  ["Atan", tf.atan],
  ["Atanh", tf.atanh, between(-0.9, 0.9, 3, 5)],
  ["Ceil", tf.ceil],
  ["ClipByValue", (x) => tf.clipByValue(x, -1, 0.5)],
  ["Cos", tf.cos],
  ["Cosh", tf.cosh],
  ["Elu", tf.elu],
  ["Erf", tf.erf],
  ["Exp", tf.exp],
  ["Expm1", tf.expm1],
  ["Floor", tf.floor],
  ["Identity", tf.clone],
  ["IsFinite", tf.isFinite],
  ["IsInf", (x) => tf.isInf(tf.div(x, 0))],
  ["IsNan", (x) => tf.isNaN(tf.sqrt(x))],
  ["LeakyRelu", tf.leakyRelu],
  ["Log", tf.log, between(0.1, 9, 3, 5)],
  ["Log1p", tf.log1p, between(-0.9, 9, 3, 5)],
  ["LogicalNot", tf.logicalNot, booleans(3, 5)],
  ["Neg", tf.neg],
  ["OnesLike", tf.onesLike],
  ["Reciprocal", tf.reciprocal],
  ["Relu", tf.relu],
  ["Relu6", tf.relu6],
  ["Round", tf.round],
  ["Rsqrt", tf.rsqrt, between(0.1, 9, 3, 5)],
  ["Selu", tf.selu],
  ["Sigmoid", tf.sigmoid],
  ["Sign", tf.sign],
  ["Sin", tf.sin],
  ["Sinh", tf.sinh],
  ["Softmax", (x) => tf.softmax(x)],
  ["Softplus", tf.softplus],
  ["Sqrt", tf.sqrt, between(0, 9, 3, 5)],
  ["Square", tf.square],
  ["Step", (x) => tf.step(x, 0.3)],
  ["Tan", tf.tan],
  ["Tanh", tf.tanh],
  ["ZerosLike", tf.zerosLike],
  ["EluGrad", (x) => tf.grad((x: tf.Tensor) => tf.sum(tf.elu(x)))(x)],
];

/** Kernels of two tensors, which are broadcast. */
const BINARY: [kernel: string, call: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, b?: Input][] = [
  ["Add", tf.add],
  ["Atan2", tf.atan2],
  ["Equal", tf.equal],
  ["FloorDiv", tf.floorDiv],
  ["Greater", tf.greater],
  ["GreaterEqual", tf.greaterEqual],
  ["Less", tf.less],
  ["LessEqual", tf.lessEqual],
  ["Maximum", tf.maximum],
  ["Minimum", tf.minimum],
  ["Mod", tf.mod],
  ["Multiply", tf.mul],
  ["NotEqual", tf.notEqual],
  ["Pow", (a, b) => tf.pow(tf.abs(a), b)],
  ["Prelu", tf.prelu],
  ["RealDiv", tf.div],
  ["SquaredDifference", tf.squaredDifference],
  ["Sub", tf.sub],
];

const REDUCTIONS: [kernel: string, call: (x: tf.Tensor) => tf.Tensor, input?: Input][] = [
  ["All", (x) => tf.all(x, 0), booleans(4, 3)],
  ["Any", (x) => tf.any(x, 1), booleans(4, 3)],
  ["ArgMax", (x) => tf.argMax(x, 1)],
  ["ArgMin", (x) => tf.argMin(x, 0)],
  ["Bincount", (x) => tf.bincount(x as tf.Tensor1D, tf.tensor1d([]), 6), integers(6, 20)],
  ["Cumprod", (x) => tf.cumprod(x, 1, true)],
  ["Cumsum", (x) => tf.cumsum(x, 0, false, true)],
  ["Max", (x) => tf.max(x, 1)],
  ["Mean", (x) => tf.mean(x, 1, true)],
  ["Min", (x) => tf.min(x)],
  ["Prod", (x) => tf.prod(x, 0)],
  ["Sum", (x) => tf.sum(x, 1)],
];

const SHAPES: [kernel: string, inputs: Record<string, Input>, run: (inputs: Tensors) => Outputs][] = [
  [
    "BatchToSpaceND",
    { x: normal(4, 2, 2, 3) },
    ({ x }) =>
      tf.batchToSpaceND(
        x!,
        [2, 2],
        [
          [0, 1],
          [0, 0],
        ],
      ),
  ],
  ["BroadcastArgs", { a: exactly([2], 1, 3), b: exactly([2], 4, 1) }, ({ a, b }) => tf.broadcastArgs(a!, b!)],
  ["Cast", { x: normal(6) }, ({ x }) => tf.cast(x!, "int32")],
  ["Concat", { a: normal(2, 3), b: normal(2, 4) }, ({ a, b }) => tf.concat([a!, b!], 1)],
  ["DepthToSpace", { x: normal(1, 2, 2, 8) }, ({ x }) => tf.depthToSpace(x as tf.Tensor4D, 2)],
  ["Diag", { x: normal(4) }, ({ x }) => tf.diag(x!)],
  ["ExpandDims", { x: normal(2, 3) }, ({ x }) => tf.expandDims(x!, 1)],
  ["Fill", {}, () => tf.fill([2, 3], 7)],
  ["GatherNd", { x: normal(4, 3), i: integers(3, 5, 2) }, ({ x, i }) => tf.gatherND(x!, i!)],
  ["GatherV2", { x: normal(4, 3), i: integers(3, 5) }, ({ x, i }) => tf.gather(x!, i as tf.Tensor1D, 1)],
  ["LinSpace", {}, () => tf.linspace(-1, 2, 7)],
  [
    "MirrorPad",
    { x: normal(3, 4) },
    ({ x }) =>
      tf.mirrorPad(
        x!,
        [
          [1, 2],
          [0, 3],
        ],
        "reflect",
      ),
  ],
  ["OneHot", { x: integers(5, 4) }, ({ x }) => tf.oneHot(x!, 5, 2, -1)],
  ["Pack", { a: normal(2, 3), b: normal(2, 3) }, ({ a, b }) => tf.stack([a!, b!], 1)],
  [
    "PadV2",
    { x: normal(2, 3) },
    ({ x }) =>
      tf.pad(
        x!,
        [
          [1, 0],
          [2, 1],
        ],
        0.5,
      ),
  ],
  ["Range", {}, () => tf.range(0, 10, 3)],
  ["Reshape", { x: normal(2, 6) }, ({ x }) => tf.reshape(x!, [3, 4])],
  ["Reverse", { x: normal(2, 6) }, ({ x }) => tf.reverse(x!, 1)],
  ["ScatterNd", { i: exactly([2, 1], 3, 0), x: normal(2, 2) }, ({ i, x }) => tf.scatterND(i!, x!, [5, 2])],
  ["Select", { c: booleans(3, 4), a: normal(3, 4), b: normal(3, 4) }, ({ c, a, b }) => tf.where(c!, a!, b!)],
  ["Slice", { x: normal(4, 5) }, ({ x }) => tf.slice(x!, [1, 2], [2, -1])],
  [
    "SpaceToBatchND",
    { x: normal(1, 4, 4, 1) },
    ({ x }) =>
      tf.spaceToBatchND(
        x!,
        [2, 2],
        [
          [0, 0],
          [0, 0],
        ],
      ),
  ],
  [
    "SparseToDense",
    { i: exactly([3], 1, 2, 4), x: normal(3) },
    ({ i, x }) => tf.sparseToDense(i!, x!, [6], tf.scalar(9)),
  ],
  ["SplitV", { x: normal(2, 6) }, ({ x }) => tf.split(x!, [1, 2, 3], 1)],
  ["StridedSlice", { x: normal(4, 5) }, ({ x }) => tf.stridedSlice(x!, [3, 0], [0, 5], [-1, 2])],
  [
    "TensorScatterUpdate",
    { x: normal(5), i: exactly([2, 1], 1, 3), u: normal(2) },
    ({ x, i, u }) => tf.tensorScatterUpdate(x!, i!, u!),
  ],
  ["Tile", { x: normal(2, 3) }, ({ x }) => tf.tile(x!, [2, 3])],
  ["TopK", { x: normal(3, 6) }, ({ x }) => Object.values(tf.topk(x!, 2))],
  ["Transpose", { x: normal(2, 3, 4) }, ({ x }) => tf.transpose(x!, [2, 0, 1])],
  ["Unpack", { x: normal(3, 4) }, ({ x }) => tf.unstack(x!, 1)],
  [
    "UnsortedSegmentSum",
    { x: normal(5, 2), i: integers(3, 5) },
    ({ x, i }) => tf.unsortedSegmentSum(x!, i as tf.Tensor1D, 3),
  ],
  ["StaticRegexReplace", {}, () => tf.string.staticRegexReplace(tf.tensor1d(["abc", "cab"]), "b", "-")],
];

const gradOf = (call: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) =>
  tf.grad((x: tf.Tensor) => tf.sum(tf.square(call(x))))(x);

const LINEAR: [kernel: string, inputs: Record<string, Input>, run: (inputs: Tensors) => Outputs][] = [
  ["AddN", { a: normal(2, 3), b: normal(2, 3) }, ({ a, b }) => tf.addN([a!, b!, a!])],
  ["BatchMatMul", { a: normal(2, 3, 4), b: normal(2, 5, 4) }, ({ a, b }) => tf.matMul(a!, b!, false, true)],
  ["BatchMatMul", { a: normal(4, 3), b: normal(5, 4) }, ({ a, b }) => tf.matMul(a!, b!, true, true)],
  ["BatchMatMul", { a: normal(2, 3, 4), b: normal(4, 5) }, ({ a, b }) => tf.matMul(a!, b!)],
  ["Einsum", { a: normal(2, 3), b: normal(3, 4) }, ({ a, b }) => tf.einsum("ij,jk->ki", a!, b!)],
  [
    "_FusedMatMul",
    { a: normal(2, 3), b: normal(3, 4), bias: normal(4) },
    ({ a, b, bias }) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, activation: "relu" }),
  ],
  ["Complex", { a: normal(3), b: normal(3) }, ({ a, b }) => tf.complex(a!, b!)],
  ["ComplexAbs", { a: normal(3), b: normal(3) }, ({ a, b }) => tf.abs(tf.complex(a!, b!))],
  ["Real", { a: normal(3), b: normal(3) }, ({ a, b }) => tf.real(tf.square(tf.complex(a!, b!)))],
  ["Imag", { a: normal(3), b: normal(3) }, ({ a, b }) => tf.imag(tf.square(tf.complex(a!, b!)))],
  ["FFT", { a: normal(4), b: normal(4) }, ({ a, b }) => tf.real(tf.fft(tf.complex(a!, b!)))],
  ["IFFT", { a: normal(4), b: normal(4) }, ({ a, b }) => tf.imag(tf.ifft(tf.complex(a!, b!)))],
];

const image = { x: normal(1, 6, 6, 2) };
const volume = { x: normal(1, 4, 4, 4, 2) };
const withFilter = { ...image, f: normal(3, 3, 2, 3) };
const withDepthFilter = { ...image, f: normal(3, 3, 2, 1) };
const withVolumeFilter = { ...volume, f: normal(2, 2, 2, 2, 3) };
const withMorphology = { ...image, f: normal(2, 2, 2) };

const conv2d = ({ x, f }: Tensors) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, "same");
const depthwise = ({ x, f }: Tensors) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, "valid");
const conv3d = ({ x, f }: Tensors) => tf.conv3d(x as tf.Tensor5D, f as tf.Tensor5D, 1, "valid");
const dilation2d = ({ x, f }: Tensors) => tf.dilation2d(x as tf.Tensor4D, f as tf.Tensor3D, 1, "same");
const avgPool = (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, 2, 2, "valid");
const maxPool = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, 2, 2, "valid");
const avgPool3d = (x: tf.Tensor) => tf.avgPool3d(x as tf.Tensor5D, 2, 2, "valid");
const maxPool3d = (x: tf.Tensor) => tf.maxPool3d(x as tf.Tensor5D, 2, 2, "valid");
const lrn = (x: tf.Tensor) => tf.localResponseNormalization(x as tf.Tensor4D);
const bilinear = (x: tf.Tensor) => tf.image.resizeBilinear(x as tf.Tensor4D, [4, 9]);
const nearest = (x: tf.Tensor) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [4, 9]);
const crop = ({ x, boxes, i }: Tensors) =>
  tf.image.cropAndResize(x as tf.Tensor4D, boxes as tf.Tensor2D, i as tf.Tensor1D, [3, 3]);

const IMAGES: [kernel: string, inputs: Record<string, Input>, run: (inputs: Tensors) => Outputs][] = [
  ["AvgPool", image, ({ x }) => avgPool(x!)],
  ["AvgPoolGrad", image, ({ x }) => gradOf(avgPool, x!)],
  ["AvgPool3D", volume, ({ x }) => avgPool3d(x!)],
  ["AvgPool3DGrad", volume, ({ x }) => gradOf(avgPool3d, x!)],
  ["MaxPool", image, ({ x }) => maxPool(x!)],
  ["MaxPoolGrad", image, ({ x }) => gradOf(maxPool, x!)],
  ["MaxPool3D", volume, ({ x }) => maxPool3d(x!)],
  ["MaxPool3DGrad", volume, ({ x }) => gradOf(maxPool3d, x!)],
  ["Conv2D", withFilter, conv2d],
  ["Conv2DBackpropInput", withFilter, ({ x, f }) => gradOf((x) => conv2d({ x, f: f! }), x!)],
  ["Conv2DBackpropFilter", withFilter, ({ x, f }) => gradOf((f) => conv2d({ x: x!, f }), f!)],
  ["Conv3D", withVolumeFilter, conv3d],
  ["Conv3DBackpropInputV2", withVolumeFilter, ({ x, f }) => gradOf((x) => conv3d({ x, f: f! }), x!)],
  ["Conv3DBackpropFilterV2", withVolumeFilter, ({ x, f }) => gradOf((f) => conv3d({ x: x!, f }), f!)],
  ["DepthwiseConv2dNative", withDepthFilter, depthwise],
  [
    "DepthwiseConv2dNativeBackpropInput",
    withDepthFilter,
    ({ x, f }) => gradOf((x) => depthwise({ x, f: f! }), x!),
  ],
  [
    "DepthwiseConv2dNativeBackpropFilter",
    withDepthFilter,
    ({ x, f }) => gradOf((f) => depthwise({ x: x!, f }), f!),
  ],
  ["Dilation2D", withMorphology, dilation2d],
  ["Dilation2DBackpropInput", withMorphology, ({ x, f }) => gradOf((x) => dilation2d({ x, f: f! }), x!)],
  ["Dilation2DBackpropFilter", withMorphology, ({ x, f }) => gradOf((f) => dilation2d({ x: x!, f }), f!)],
  [
    "FusedConv2D",
    { ...withFilter, bias: normal(3) },
    ({ x, f, bias }) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: f as tf.Tensor4D,
        bias: bias!,
        strides: 1,
        pad: "same",
        activation: "relu",
      }),
  ],
  [
    "FusedDepthwiseConv2D",
    { ...withDepthFilter, bias: normal(2) },
    ({ x, f, bias }) =>
      tf.fused.depthwiseConv2d({
        x: x as tf.Tensor4D,
        filter: f as tf.Tensor4D,
        bias: bias!,
        strides: 1,
        pad: "same",
        activation: "relu",
      }),
  ],
  [
    "FusedBatchNorm",
    { ...image, mean: normal(2), variance: between(0.5, 2, 2), offset: normal(2), scale: normal(2) },
    ({ x, mean, variance, offset, scale }) =>
      tf.batchNorm(
        x!,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
      ),
  ],
  ["LRN", image, ({ x }) => lrn(x!)],
  ["LRNGrad", image, ({ x }) => gradOf(lrn, x!)],
  ["FlipLeftRight", image, ({ x }) => tf.image.flipLeftRight(x as tf.Tensor4D)],
  ["ResizeBilinear", image, ({ x }) => bilinear(x!)],
  ["ResizeBilinearGrad", image, ({ x }) => gradOf(bilinear, x!)],
  ["ResizeNearestNeighbor", image, ({ x }) => nearest(x!)],
  ["ResizeNearestNeighborGrad", image, ({ x }) => gradOf(nearest, x!)],
  ["CropAndResize", { ...image, boxes: between(0, 1, 3, 4), i: exactly([3], 0, 0, 0) }, crop],
  ["Multinomial", { x: normal(2, 5) }, ({ x }) => tf.multinomial(x as tf.Tensor2D, 8, 3)],
];

/** Kernels that must give the same result traced and in eager mode. */
export const KERNEL_CASES: KernelCase[] = [
  ...[...UNARY, ...REDUCTIONS].map(([kernel, call, x = normal(3, 5)]) => ({
    kernel,
    inputs: { x },
    run: ({ x }: Tensors) => call(x!),
  })),
  ...BINARY.map(([kernel, call, b = normal(5)]) => ({
    kernel,
    inputs: { a: normal(3, 5), b },
    run: ({ a, b }: Tensors) => call(a!, b!),
  })),
  ...["LogicalAnd", "LogicalOr"].map((kernel) => ({
    kernel,
    inputs: { a: booleans(3, 5), b: booleans(5) },
    run: ({ a, b }: Tensors) => (kernel === "LogicalAnd" ? tf.logicalAnd(a!, b!) : tf.logicalOr(a!, b!)),
  })),
  ...[...SHAPES, ...LINEAR, ...IMAGES].map(([kernel, inputs, run]) => ({ kernel, inputs, run })),
];

const boxes = { boxes: between(0, 1, 6, 4), scores: between(0, 1, 6) };
const suppressed = (call: (boxes: tf.Tensor2D, scores: tf.Tensor1D) => object) => (inputs: Tensors) =>
  Object.values(call(inputs.boxes as tf.Tensor2D, inputs.scores as tf.Tensor1D)) as tf.Tensor[];

/** Kernels that cannot be traced, with the tfjs function that the error names. */
export const UNTRACEABLE_CASES: (KernelCase & { named: string })[] = [
  {
    kernel: "NonMaxSuppressionV3",
    named: "tf.nonMaxSuppression",
    inputs: boxes,
    run: ({ boxes, scores }) => tf.image.nonMaxSuppression(boxes as tf.Tensor2D, scores as tf.Tensor1D, 3),
  },
  {
    kernel: "NonMaxSuppressionV4",
    named: "tf.nonMaxSuppressionPadded",
    inputs: boxes,
    run: suppressed((boxes, scores) => tf.image.nonMaxSuppressionPadded(boxes, scores, 3)),
  },
  {
    kernel: "NonMaxSuppressionV5",
    named: "tf.nonMaxSuppressionWithScore",
    inputs: boxes,
    run: suppressed((boxes, scores) => tf.image.nonMaxSuppressionWithScore(boxes, scores, 3)),
  },
  {
    kernel: "Unique",
    named: "tf.unique",
    inputs: { x: exactly([4], 3, 1, 3, 2) },
    run: ({ x }) => Object.values(tf.unique(x!)) as tf.Tensor[],
  },
];
