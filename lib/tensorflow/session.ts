import { UserError } from "../common/errors";
import { type CApi, cApi, type Pointer } from "./c_api";
import { type Graph, type GraphNode, type GraphTensor, packOutputs } from "./graph";
import { countHandle } from "./handles";
import {
  copyFromTensorflow,
  copyToTensorflow,
  deleteTensor,
  HostTensor,
  type TensorValue,
} from "./host_tensor";
import { encodeProto } from "./protos";
import { checkStatus, deleteStatus, newStatus, withStatus } from "./status";

/** How a session computes. */
export interface SessionOptions {
  /** Threads within one operation. TensorFlow has one such pool a process: whoever comes first decides. */
  intraOpThreads?: number;
  /** Operations at the same time. Default: TensorFlow's shared pool. */
  interOpThreads?: number;
  /** Take GPU memory as it is needed instead of all at once. Default true. */
  gpuMemoryGrowth?: boolean;
  /** Compile what XLA can compile. Default false. */
  xla?: boolean;
}

/** One run of a part of the graph. */
export interface RunRequest {
  feeds?: readonly (readonly [GraphTensor, TensorValue | HostTensor])[];
  /** Whose values come back, in this order. */
  fetches?: readonly GraphTensor[];
  /** Nodes to run for their effect. */
  targets?: readonly GraphNode[];
}

/** A TensorFlow session on a graph: it runs parts of the graph, and its variables live in it. */
export class Session {
  readonly #pointer: Pointer;
  #running = 0;
  #disposed = false;

  constructor(graph: Graph, options: SessionOptions = {}) {
    this.#pointer = newSession(graph, options);
  }

  /**
   * Runs off the main thread. Fed values are copied before this returns its promise; a HostTensor is not copied and
   * must stay untouched until the promise is settled. Runs may overlap.
   * @returns the fetched values, copied into JavaScript's memory
   * @throws EngineError with TensorFlow's message, which names the node
   */
  async run(request: RunRequest): Promise<TensorValue[]> {
    const call = this.#prepare(request);
    this.#running++;
    try {
      await new Promise<void>((resolve, reject) => {
        cApi().TF_SessionRun.async(...call.parameters, (error) => (error ? reject(error) : resolve()));
      });
      return call.results();
    } finally {
      call.release();
      this.#running--;
      if (this.#disposed && this.#running === 0) this.#free();
    }
  }

  /** The same on the main thread: nothing else happens until it is done. */
  runSync(request: RunRequest): TensorValue[] {
    const call = this.#prepare(request);
    try {
      cApi().TF_SessionRun(...call.parameters);
      return call.results();
    } finally {
      call.release();
    }
  }

  /** Ends the session, with its variables, as soon as nothing runs in it any more. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#running === 0) this.#free();
  }

  #free(): void {
    countHandle("session", -1);
    withStatus("closing the session", (status) => cApi().TF_CloseSession(this.#pointer, status));
    withStatus("ending the session", (status) => cApi().TF_DeleteSession(this.#pointer, status));
  }

  #prepare(request: RunRequest): PreparedRun {
    if (this.#disposed) throw new UserError("The session was disposed: it cannot run any more.");
    return prepareRun(this.#pointer, request);
  }
}

/** A call of `TF_SessionRun` with all the memory that it uses. */
interface PreparedRun {
  parameters: Parameters<CApi["TF_SessionRun"]>;
  /** The fetched values, once the call is over. */
  results(): TensorValue[];
  release(): void;
}

function prepareRun(session: Pointer, { feeds = [], fetches = [], targets = [] }: RunRequest): PreparedRun {
  const fed = feeds.map(([, value]) =>
    value instanceof HostTensor ? { pointer: value.pointer, release: () => {} } : copyToTensorflow(value),
  );
  const fetched = new BigUint64Array(fetches.length);
  const status = newStatus();
  return {
    parameters: [
      session,
      null,
      packOutputs(feeds.map(([tensor]) => tensor)),
      BigUint64Array.from(fed, ({ pointer }) => pointer),
      fed.length,
      packOutputs(fetches),
      fetched,
      fetches.length,
      BigUint64Array.from(targets, ({ pointer }) => pointer),
      targets.length,
      null,
      status,
    ],
    results: () => {
      checkStatus(status, "running the graph");
      for (const _ of fetched) countHandle("tensor", 1);
      try {
        return Array.from(fetched, copyFromTensorflow);
      } finally {
        for (const pointer of fetched) deleteTensor(pointer);
      }
    },
    release: () => {
      for (const { release } of fed) release();
      deleteStatus(status);
    },
  };
}

function newSession(graph: Graph, options: SessionOptions): Pointer {
  const { intraOpThreads, interOpThreads, gpuMemoryGrowth = true, xla = false } = options;
  const config = encodeProto("ConfigProto", {
    ...(intraOpThreads !== undefined && { intraOpThreads }),
    ...(interOpThreads !== undefined && { interOpThreads, usePerSessionThreads: true }),
    // An operation without a kernel for the GPU runs on the CPU instead of failing, as in eager mode.
    allowSoftPlacement: true,
    gpuOptions: { allowGrowth: gpuMemoryGrowth },
    ...(xla && { graphOptions: { optimizerOptions: { globalJitLevel: 1 } } }),
  });
  const api = cApi();
  const sessionOptions = api.TF_NewSessionOptions();
  try {
    withStatus("configuring the session", (status) =>
      api.TF_SetConfig(sessionOptions, config, config.length, status),
    );
    const session = withStatus("starting a session", (status) =>
      api.TF_NewSession(graph.pointer, sessionOptions, status),
    );
    countHandle("session", 1);
    return session;
  } finally {
    api.TF_DeleteSessionOptions(sessionOptions);
  }
}
