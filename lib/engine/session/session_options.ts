// How a session computes, as TensorFlow's ConfigProto.
import { UserError } from "../../common/errors";
import { keysOf } from "../../common/records";
import { hasOperation } from "../native/operations";
import { type ConfigProto, encodeProto } from "../native/protos";

/** How a session computes. */
export interface SessionOptions {
  /** Operations that may run at the same time. Default: TensorFlow's shared pool, as many as cores. */
  interOpThreads?: number;
  /** Run every operation on the thread that calls: for small graphs that several threads run at the same time. */
  onCallersThread?: boolean;
  /**
   * Threads within one operation, of this session's own. Default: the environment variable TF_NUM_INTRAOP_THREADS, or
   * all cores. In a cluster they are the server's, and this says nothing.
   */
  intraOpThreads?: number;
  /**
   * Whether GPU memory is taken as it is needed instead of all at once. It holds for the whole process, by the
   * environment variable TF_FORCE_GPU_ALLOW_GROWTH (default here: true): this option asks for it, and fails where it is
   * otherwise.
   */
  gpuMemoryGrowth?: boolean;
  /** Leave GPUs alone: for work whose kernels are the CPU's. */
  cpuOnly?: boolean;
  /** Compile the graph by XLA where it can be. Default false: on CPUs it was slower (docs/engine.md). */
  xla?: boolean;
  /** Run in this cluster, as one of its processes (cluster.ts). */
  cluster?: ClusterTask;
}

/** One of several processes that compute together. */
export interface ClusterTask {
  /** Where its own server takes sessions. */
  target: string;
  /** Its devices: "/job:worker/replica:0/task:1". */
  task: string;
  /** The task that keeps the processes' collective operations together. */
  leader: string;
}

/** What the process has, by the environment at the time when this library was loaded. */
const PROCESS_SETTINGS = {
  gpuMemoryGrowth: {
    variable: "TF_FORCE_GPU_ALLOW_GROWTH",
    value: (process.env.TF_FORCE_GPU_ALLOW_GROWTH ?? "true") !== "false",
  },
} as const;

/** The number of threads that stands for the caller's own (config.proto). */
const CALLERS_THREAD = -1;

/** Connections from a process of a cluster to each other one: four are a tenth to a fifth faster than one (LOG.md). */
const CHANNELS = 4;

/** `OptimizerOptions.GlobalJitLevel.ON_2`. */
const JIT_ON = 2;

/**
 * The options as a serialised `ConfigProto`.
 * @throws UserError where one of them cannot be had in this process, or by this build of TensorFlow
 */
export function sessionConfig(options: SessionOptions): Uint8Array {
  return encodeProto("ConfigProto", sessionSettings(options));
}

/** The same before it is serialised. */
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
      `A session with ${name} = ${wanted} was asked for; this process has ${value}, from its start on.`,
      `Start it with ${variable}=${wanted} in its environment.`,
    );
  }
}

function assertThreads(options: SessionOptions, name: "interOpThreads" | "intraOpThreads"): void {
  const { [name]: threads = 1 } = options;
  if (Number.isInteger(threads) && threads > 0) return;
  throw new UserError(`${name} is ${threads}.`, "It is a whole number from 1.");
}

/** `_XlaRun` is what TensorFlow puts in the place of what it has compiled. */
function assertXla(): void {
  if (hasOperation("_XlaRun")) return;
  throw new UserError("This build of TensorFlow holds no XLA.", "Leave out the option xla.");
}
