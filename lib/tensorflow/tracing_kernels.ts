import type { NodeJSKernelBackend } from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend";
import { tf } from "./tf";
import { TRACER } from "./tracing_backend";

type KernelFunction = tf.KernelConfig["kernelFunc"];

/** Kernels that must be others while tracing than tfjs-node's own. */
const OWN_KERNELS: Record<string, KernelFunction> = {
  // tfjs-node's reads the indices first, to check that they are in range; a GPU gives 0 for one that is not,
  // a CPU stops with an error that names the index.
  GatherV2: ({ inputs, attrs, backend }) => {
    const { x, indices } = inputs as Record<string, tf.Tensor>;
    const { axis, batchDims } = attrs as { axis: number; batchDims: number };
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x!, indices!, axis, batchDims);
    const { binding, executeSingleOutput } = backend as NodeJSKernelBackend;
    const attributes = [{ name: "batch_dims", type: binding.TF_ATTR_INT, value: batchDims }];
    return executeSingleOutput.call(backend, "GatherV2", attributes, [
      x!,
      indices!,
      tf.scalar(axis, "int32"),
    ]);
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
