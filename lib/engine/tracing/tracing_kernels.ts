// Kernels that differ from tfjs's own while tracing.
import { tf } from "../native/tf";
import { rawOp } from "./raw_op";
import { TRACER } from "./tracing_backend";

type KernelFunction = tf.KernelConfig["kernelFunc"];

/** Kernels that are others while tracing than tfjs-node's own. */
const OWN_KERNELS: Record<string, KernelFunction> = {
  // Between two matrices MatMul is faster than BatchMatMulV2, and TensorFlow fuses a bias into it.
  BatchMatMul: (call) => {
    const { a, b } = call.inputs as Record<string, tf.Tensor>;
    const isPlain = a!.shape.length === 2 && b!.shape.length === 2 && a!.dtype !== "complex64";
    if (!isPlain) return tf.getKernel("BatchMatMul", "tensorflow").kernelFunc(call);
    const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
    return rawOp("MatMul", [a!, b!], { transpose_a: transposeA, transpose_b: transposeB })[0]!;
  },
  // tfjs-node's reads the indices first, to check that they are in range; a GPU gives 0 for one that is not,
  // a CPU stops with an error that names the index.
  GatherV2: ({ inputs, attrs }) => {
    const { x, indices } = inputs as Record<string, tf.Tensor>;
    const { axis, batchDims } = attrs as { axis: number; batchDims: number };
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x!, indices!, axis, batchDims);
    return rawOp("GatherV2", [x!, indices!, tf.scalar(axis, "int32")], { batch_dims: batchDims })[0]!;
  },
};

/** Registers tfjs-node's kernels for the tracer; the result takes them away again. */
export function registerTracingKernels(): () => void {
  const kernels = tf.getKernelsForBackend("tensorflow");
  for (const kernel of kernels) {
    const kernelFunc = OWN_KERNELS[kernel.kernelName] ?? kernel.kernelFunc;
    tf.registerKernel({ ...kernel, backendName: TRACER, kernelFunc });
  }
  return () => {
    for (const { kernelName } of kernels) tf.unregisterKernel(kernelName, TRACER);
  };
}
