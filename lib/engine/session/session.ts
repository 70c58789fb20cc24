// TensorFlow sessions, which run parts of a graph, by default off the main thread.
import { UserError } from "../../common/errors";
import type { Graph } from "../graph/graph";
import { cApi, type Pointer } from "../native/c_api";
import { countHandle } from "../native/handles";
import type { TensorValue } from "../native/host_tensor";
import { withStatus } from "../native/status";
import { type NodeTime, prepareCall, type RunRequest, type SessionCall } from "./session_call";
import { type SessionOptions, sessionConfig } from "./session_options";

/** A TensorFlow session: it runs parts of a graph and holds the values of the graph's variables. */
export class Session {
  readonly #pointer: Pointer;
  #running = 0;
  #disposed = false;

  constructor(graph: Graph, options: SessionOptions = {}) {
    this.#pointer = newSession(graph, options);
  }

  /** The `TF_Session`: any thread of the process may run it until it is disposed. */
  get pointer(): Pointer {
    return this.#pointer;
  }

  /**
   * Runs part of the graph off the main thread. Copies fed values before it returns its promise, except for a
   * HostTensor: its contents must not change until the promise is settled. Runs may overlap.
   * @returns the fetched values, copied into JavaScript's memory
   * @throws EngineError with TensorFlow's message, which names the node
   */
  async run(request: RunRequest): Promise<TensorValue[]> {
    return this.#runAsync(this.#prepare(request), (call) => call.results());
  }

  /**
   * Runs like `run`, but gives `use` views of the fetched values in TensorFlow's memory, without a copy.
   * @param use may be asynchronous; the arrays must not be used after it is done
   */
  async withResults<T>(request: RunRequest, use: (values: TensorValue[]) => T | Promise<T>): Promise<T> {
    return this.#runAsync(this.#prepare(request), (call) => call.withResults(use));
  }

  /** Runs once with TensorFlow's own profiler, which is slightly slower, and returns the time of each node. */
  async profile(request: RunRequest): Promise<NodeTime[]> {
    return this.#runAsync(this.#prepare(request, true), (call) => {
      call.results();
      return call.nodeTimes();
    });
  }

  /** Runs like `run`, but on the main thread: nothing else happens until it is done. */
  runSync(request: RunRequest): TensorValue[] {
    const call = this.#prepare(request);
    try {
      cApi().TF_SessionRun(...call.parameters);
      return call.results();
    } finally {
      call.release();
    }
  }

  /** Ends the session and its variables as soon as nothing runs in it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#running === 0) this.#free();
  }

  /** Supports `using session = new Session(graph)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #runAsync<T>(call: SessionCall, resultOf: (call: SessionCall) => T | Promise<T>): Promise<T> {
    this.#running++;
    try {
      await new Promise<void>((resolve, reject) => {
        cApi().TF_SessionRun.async(...call.parameters, (error) => (error ? reject(error) : resolve()));
      });
      return await resultOf(call);
    } finally {
      call.release();
      this.#running--;
      if (this.#disposed && this.#running === 0) this.#free();
    }
  }

  #free(): void {
    countHandle("session", -1);
    withStatus("closing the session", (status) => cApi().TF_CloseSession(this.#pointer, status));
    withStatus("ending the session", (status) => cApi().TF_DeleteSession(this.#pointer, status));
  }

  #prepare(request: RunRequest, profiled = false): SessionCall {
    if (this.#disposed) {
      throw new UserError(
        "The session was disposed: it can no longer run.",
        "Build it again; in a notebook, rerun the cell that built it.",
      );
    }
    return prepareCall(this.#pointer, request, profiled);
  }
}

function newSession(graph: Graph, options: SessionOptions): Pointer {
  const config = sessionConfig(options);
  const api = cApi();
  const sessionOptions = api.TF_NewSessionOptions();
  try {
    if (options.cluster) api.TF_SetTarget(sessionOptions, options.cluster.target);
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
