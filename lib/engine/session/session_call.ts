// Calls of a session: prepares feeds and fetches, and reads the results.
import { type GraphNode, packOutputs, type TensorAddress } from "../graph/graph";
import { bytesOf, deleteBuffer, newBuffer } from "../native/buffers";
import type { CApi, Pointer } from "../native/c_api";
import { countHandle } from "../native/handles";
import {
  copyFromTensorflow,
  copyToTensorflow,
  deleteTensor,
  HostTensor,
  type NativeTensor,
  type TensorValue,
  viewTensor,
} from "../native/host_tensor";
import { decodeProto, encodeProto } from "../native/protos";
import { checkStatus, deleteStatus, newStatus } from "../native/status";

/** Request to run a part of the graph. */
export interface RunRequest {
  feeds?: readonly (readonly [TensorAddress, TensorValue | HostTensor])[];
  /** Tensors whose values are returned, in this order. */
  fetches?: readonly TensorAddress[];
  /** Nodes to run for their effect. */
  targets?: readonly GraphNode[];
}

/** Time at which a node ran, by TensorFlow's clock. */
export interface NodeTime {
  node: string;
  device: string;
  /** Start, counted from the beginning of the run. */
  startMicros: number;
  micros: number;
}

/** A call of `TF_SessionRun` and all memory that it uses. */
export interface SessionCall {
  parameters: Parameters<CApi["TF_SessionRun"]>;
  /** Returns copies of the fetched values, once the call is over. */
  results(): TensorValue[];
  /** Gives `use` views of the fetched values, once the call is over; frees them when `use` is done. */
  withResults<T>(use: (values: TensorValue[]) => T | Promise<T>): Promise<T>;
  /** Does the same for a synchronous `use`. */
  withResultsSync<T>(use: (values: TensorValue[]) => T): T;
  /** Returns the times of a profiled call, once it is over, in the order in which the nodes began. */
  nodeTimes(): NodeTime[];
  release(): void;
}

/** `RunOptions.TraceLevel.FULL_TRACE`. */
const FULL_TRACE = 3;

/**
 * Prepares a call and copies the fed values.
 * @param profiled whether TensorFlow measures the time of every node
 */
export function prepareCall(session: Pointer, request: RunRequest, profiled: boolean): SessionCall {
  const { feeds = [], fetches = [], targets = [] } = request;
  const fed = copyFeeds(feeds.map(([, value]) => value));
  const fetched = new BigUint64Array(fetches.length);
  const status = newStatus();
  const buffers = profiled
    ? { options: newBuffer(encodeProto("RunOptions", { traceLevel: FULL_TRACE })), metadata: newBuffer() }
    : undefined;
  return {
    parameters: [
      session,
      buffers?.options ?? null,
      packOutputs(feeds.map(([tensor]) => tensor)),
      pointersOf(fed),
      fed.length,
      packOutputs(fetches),
      fetched,
      fetches.length,
      pointersOf(targets),
      targets.length,
      buffers?.metadata ?? null,
      status,
    ],
    results: () => {
      checkStatus(status, "running the graph");
      return takeTensors(fetched);
    },
    withResults: (use) => {
      checkStatus(status, "running the graph");
      return withTensors(fetched, use);
    },
    withResultsSync: (use) => {
      checkStatus(status, "running the graph");
      return withTensorsSync(fetched, use);
    },
    nodeTimes: () => (buffers ? nodeTimesIn(bytesOf(buffers.metadata)) : []),
    release: () => {
      for (const { release } of fed) release();
      for (const buffer of Object.values(buffers ?? {})) deleteBuffer(buffer);
      deleteStatus(status);
    },
  };
}

function pointersOf(owners: readonly { pointer: Pointer }[]): BigUint64Array {
  return BigUint64Array.from(owners, ({ pointer }) => pointer);
}

/** Copies all values or none: if one does not match its shape, it frees the copies before it. */
function copyFeeds(values: readonly (TensorValue | HostTensor)[]): NativeTensor[] {
  const copies: NativeTensor[] = [];
  try {
    for (const value of values) {
      copies.push(value instanceof HostTensor ? value.hold() : copyToTensorflow(value));
    }
    return copies;
  } catch (error) {
    for (const { release } of copies) release();
    throw error;
  }
}

/** Copies tensors into JavaScript's memory and frees them. */
function takeTensors(pointers: BigUint64Array): TensorValue[] {
  for (const _ of pointers) countHandle("tensor", 1);
  try {
    return Array.from(pointers, copyFromTensorflow);
  } finally {
    for (const pointer of pointers) deleteTensor(pointer);
  }
}

/** Gives `use` views of tensors, then frees them. */
async function withTensors<T>(
  pointers: BigUint64Array,
  use: (values: TensorValue[]) => T | Promise<T>,
): Promise<T> {
  for (const _ of pointers) countHandle("tensor", 1);
  try {
    return await use(Array.from(pointers, viewTensor));
  } finally {
    for (const pointer of pointers) deleteTensor(pointer);
  }
}

function withTensorsSync<T>(pointers: BigUint64Array, use: (values: TensorValue[]) => T): T {
  for (const _ of pointers) countHandle("tensor", 1);
  try {
    return use(Array.from(pointers, viewTensor));
  } finally {
    for (const pointer of pointers) deleteTensor(pointer);
  }
}

function nodeTimesIn(metadata: Uint8Array): NodeTime[] {
  const devices = decodeProto("RunMetadata", metadata).stepStats?.devices ?? [];
  const times = devices.flatMap(({ device, nodes }) =>
    nodes.map(({ name, startMicros, opStartMicros = 0, opEndMicros = 0 }) => ({
      node: name,
      device,
      startMicros: startMicros + opStartMicros,
      micros: opEndMicros - opStartMicros,
    })),
  );
  const first = Math.min(...times.map(({ startMicros }) => startMicros));
  return times
    .map((time) => ({ ...time, startMicros: time.startMicros - first }))
    .sort((a, b) => a.startMicros - b.startMicros);
}
