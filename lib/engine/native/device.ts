// Detects the device that the engine computes on.
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { openTensorflow } from "./library";
import { tf } from "./tf";

/** The device that the engine computes on. */
export interface Device {
  kind: "gpu" | "cpu";
  /** Readable name: "GPU", or the CPU's name and number of threads. */
  name: string;
  tensorflowVersion: string;
  /** Set when an NVIDIA GPU is present and TensorFlow does not use it: possible causes and what to do. */
  warning?: string;
}

/**
 * Returns the device on which tfjs runs in this process, with a warning if a GPU is present or requested but not used.
 * May be called while tracing.
 * @param gpus numbers of the GPUs that a run requests
 */
export function device(gpus: readonly number[] = []): Device {
  const tensorflowVersion = openTensorflow().func("const char *TF_Version()")() as string;
  const backend = tf.backend() as unknown as { isUsingGpuDevice: boolean };
  if (backend.isUsingGpuDevice) return { kind: "gpu", name: "GPU", tensorflowVersion };
  const cores = cpus();
  const name = `${cores[0]?.model.trim() || "CPU"}, ${cores.length} threads`;
  const isPresent = hasNvidiaGpu() && process.env.CUDA_VISIBLE_DEVICES !== "";
  if (!isPresent && gpus.length === 0) return { kind: "cpu", name, tensorflowVersion };
  const found = isPresent
    ? "an NVIDIA GPU is present but"
    : `GPU ${gpus.join(", ")} was requested, no GPU is visible, and`;
  const warning =
    `${found} TensorFlow computes on the CPU: is its CUDA wheel installed (\`npm run setup\`), ` +
    "and does the driver match it (`nvidia-smi`)? TF_CPP_MIN_LOG_LEVEL=0 shows TensorFlow's own reason";
  return { kind: "cpu", name, tensorflowVersion, warning };
}

/**
 * Describes the device in one line, for example "CPU: AMD EPYC, 2 threads; TensorFlow 2.21.0".
 * @example
 * describeDevice() // "CPU: ..., 2 threads; TensorFlow 2.21.0"
 */
export function describeDevice({ kind, name, tensorflowVersion, warning }: Device = device()): string {
  const line = `${kind === "gpu" ? name : `CPU: ${name}`}; TensorFlow ${tensorflowVersion}`;
  return warning ? `${line}. Falls back to the CPU: ${warning}.` : line;
}

/** Returns whether Linux shows an NVIDIA GPU with a driver. */
function hasNvidiaGpu(): boolean {
  return existsSync("/proc/driver/nvidia/gpus") || existsSync("/dev/nvidia0") || existsSync("/dev/dxg");
}
