// Tells which device the engine computes on.
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { openTensorflow } from "./library";
import { tf } from "./tf";

/** What the engine computes on. */
export interface Device {
  kind: "gpu" | "cpu";
  /** For people: "GPU" or the CPU's name and its number of threads. */
  name: string;
  tensorflowVersion: string;
  /** Set when an NVIDIA GPU is there and TensorFlow does not use it: why, and what to do. */
  warning?: string;
}

/**
 * The device on which tfjs runs in this process, with a warning when a GPU is present, or asked for, and left unused.
 * @param gpus those that a run asks for, by number
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
    ? "an NVIDIA GPU is present"
    : `GPU ${gpus.join(", ")} was asked for, none is seen,`;
  const warning =
    `${found} but TensorFlow computes on the CPU: is its CUDA wheel installed (\`npm run setup\`), ` +
    "and does the driver suit it (`nvidia-smi`)? TF_CPP_MIN_LOG_LEVEL=0 shows TensorFlow's own reason";
  return { kind: "cpu", name, tensorflowVersion, warning };
}

/**
 * One line for a log or a notebook, for example "CPU: AMD EPYC, 2 threads; TensorFlow 2.21.0".
 * @example
 * describeDevice() // "CPU: ..., 2 threads; TensorFlow 2.21.0"
 */
export function describeDevice({ kind, name, tensorflowVersion, warning }: Device = device()): string {
  const line = `${kind === "gpu" ? name : `CPU: ${name}`}; TensorFlow ${tensorflowVersion}`;
  return warning ? `${line}. Falls back to the CPU: ${warning}.` : line;
}

/** Linux's own signs of an NVIDIA GPU with a driver. */
function hasNvidiaGpu(): boolean {
  return existsSync("/proc/driver/nvidia/gpus") || existsSync("/dev/nvidia0") || existsSync("/dev/dxg");
}
