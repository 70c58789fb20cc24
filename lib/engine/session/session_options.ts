// Options of a session, and their form as TensorFlow's ConfigProto.

import { UserError } from "../../common/errors";
import { keysOf } from "../../common/typed_keys";
import { hasOperation } from "../native/operations";
import { type ConfigProto, encodeProto } from "../native/protos";

/** Options of a session. */
export interface SessionOptions {
  /** Number of operations that may run at the same time. Default: TensorFlow's shared pool, one per core. */
  interOpThreads?: number;
  /** Runs every operation on the calling thread: for small graphs that several threads run at the same time. */
  onCallersThread?: boolean;
  /**
   * Number of threads within one operation, this session's own. Default: the environment variable
   * TF_NUM_INTRAOP_THREADS, or all cores. Has no effect in a cluster, which uses its server's threads.
   */
  intraOpThreads?: number;
  /**
   * Allocates GPU memory on demand instead of all at once. The environment variable TF_FORCE_GPU_ALLOW_GROWTH (default
   * here: true) sets it for the whole process: a session with another value fails.
   */
  gpuMemoryGrowth?: boolean;
  /** Uses no GPU: for work that only has CPU kernels. */
  cpuOnly?: boolean;
  /** Compiles the graph with XLA where possible. Default: false, since it was slower on CPUs (docs/background/engine.md). */
  xla?: boolean;
  /** Runs in this cluster, as one of its processes (cluster.ts). */
  cluster?: ClusterTask;
}

/** One of several processes that compute together. */
export interface ClusterTask {
  /** Address at which its own server accepts sessions. */
  target: string;
  /** Prefix of its devices: "/job:worker/replica:0/task:1". */
  task: string;
  /** Task that coordinates the collective operations. */
  leader: string;
}

/** Settings of the whole process, from the environment when this library was loaded. */
const PROCESS_SETTINGS = {
  gpuMemoryGrowth: {
    variable: "TF_FORCE_GPU_ALLOW_GROWTH",
    value: (process.env.TF_FORCE_GPU_ALLOW_GROWTH ?? "true") !== "false",
  },
} as const;

/** Number of threads that means the calling thread (config.proto). */
const CALLERS_THREAD = -1;

/** Connections between two processes of a cluster: four are 10 to 20 % faster than one (LOG.md). */
const CHANNELS = 4;

/** `OptimizerOptions.GlobalJitLevel.ON_2`. */
const JIT_ON = 2;

/**
 * Returns the options as a serialised `ConfigProto`.
 * @throws UserError for an option that this process or this build of TensorFlow does not offer
 */
export function sessionConfig(options: SessionOptions): Uint8Array {
  return encodeProto("ConfigProto", sessionSettings(options));
}

/** Returns the options as a `ConfigProto`. @throws UserError as `sessionConfig` does */
export function sessionSettings(options: SessionOptions): ConfigProto {
  assertProcess(options);
  assertThreads(options, "interOpThreads");
  assertThreads(options, "intraOpThreads");
  const {
    interOpThreads,
    intraOpThreads,
    onCallersThread = false,
    cpuOnly = false,
    xla = false,
    cluster,
  } = options;
  const config: ConfigProto = {
    ...(interOpThreads !== undefined && { interOpThreads, usePerSessionThreads: true }),
    ...(intraOpThreads !== undefined && { intraOpThreads }),
    ...(onCallersThread && { interOpThreads: CALLERS_THREAD }),
    ...(cpuOnly && { deviceCount: { GPU: 0 } }),
    // An operation without a kernel for the GPU runs on the CPU instead of failing, as in eager mode.
    allowSoftPlacement: true,
    gpuOptions: { allowGrowth: PROCESS_SETTINGS.gpuMemoryGrowth.value },
    ...(cluster && {
      deviceFilters: [...new Set([cluster.leader, cluster.task])],
      experimental: { collectiveGroupLeader: cluster.leader },
      rpcOptions: { numChannelsPerTarget: CHANNELS },
    }),
  };
  if (xla) {
    assertXla();
    config.graphOptions = { optimizerOptions: { globalJitLevel: JIT_ON, cpuGlobalJit: true } };
  }
  return config;
}

function assertProcess(options: SessionOptions): void {
  for (const name of keysOf(PROCESS_SETTINGS)) {
    const { variable, value } = PROCESS_SETTINGS[name];
    const wanted = options[name];
    if (wanted === undefined || wanted === value) continue;
    throw new UserError(
      `A session with ${name} = ${wanted} was requested, but this process was started with ${value}.`,
      `Start it with ${variable}=${wanted} in its environment.`,
    );
  }
}

function assertThreads(options: SessionOptions, name: "interOpThreads" | "intraOpThreads"): void {
  const { [name]: threads = 1 } = options;
  if (Number.isInteger(threads) && threads > 0) return;
  throw new UserError(`${name} is ${threads}.`, "It is a whole number from 1.");
}

/** Checks that TensorFlow has XLA by its operation `_XlaRun`, which runs compiled parts of a graph. */
function assertXla(): void {
  if (hasOperation("_XlaRun")) return;
  throw new UserError("This build of TensorFlow has no XLA.", "Leave out the option xla.");
}
