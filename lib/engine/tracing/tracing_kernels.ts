// Registers kernels for the tracer, some of which differ from tfjs-node's.
import { tf } from "../native/tf";
import { rawOp } from "./raw_op";
import { TRACER } from "./tracing_backend";

type KernelFunction = tf.KernelConfig["kernelFunc"];

/** Kernels that replace tfjs-node's while tracing. */
const OWN_KERNELS: Record<string, KernelFunction> = {
  // Between two matrices MatMul is faster than BatchMatMulV2, and TensorFlow fuses a bias into it.
  BatchMatMul: (call) => {
    const { a, b } = call.inputs as Record<string, tf.Tensor>;
    const isPlain = a!.shape.length === 2 && b!.shape.length === 2 && a!.dtype !== "complex64";
    if (!isPlain) return tf.getKernel("BatchMatMul", "tensorflow").kernelFunc(call);
    const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
    return rawOp("MatMul", [a!, b!], { transpose_a: transposeA, transpose_b: transposeB })[0]!;
  },
  // tfjs-node's kernel reads the indices to check their range. In a graph, a GPU returns 0 for an index out of range,
  // and a CPU fails with an error that names the index.
  GatherV2: ({ inputs, attrs }) => {
    const { x, indices } = inputs as Record<string, tf.Tensor>;
    const { axis, batchDims } = attrs as { axis: number; batchDims: number };
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x!, indices!, axis, batchDims);
    return rawOp("GatherV2", [x!, indices!, tf.scalar(axis, "int32")], { batch_dims: batchDims })[0]!;
  },
};

/** Registers tfjs-node's kernels for the tracer, at the beginning of a trace; the result unregisters them. */
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
