// One call of a session: feeds, fetches, results.
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

/** One run of a part of the graph. */
export interface RunRequest {
  feeds?: readonly (readonly [TensorAddress, TensorValue | HostTensor])[];
  /** Whose values come back, in this order. */
  fetches?: readonly TensorAddress[];
  /** Nodes to run for their effect. */
  targets?: readonly GraphNode[];
}

/** When a node ran, by TensorFlow's clock. */
export interface NodeTime {
  node: string;
  device: string;
  /** From the beginning of the run. */
  startMicros: number;
  micros: number;
}

/** A call of `TF_SessionRun` with all the memory that it uses. */
export interface SessionCall {
  parameters: Parameters<CApi["TF_SessionRun"]>;
  /** The fetched values, once the call is over. */
  results(): TensorValue[];
  /** The same without a copy: they are freed when `use` is done. */
  lend<T>(use: (values: TensorValue[]) => T | Promise<T>): Promise<T>;
  /** The same for what is done with them at once. */
  lendSync<T>(use: (values: TensorValue[]) => T): T;
  /** Of a profiled call, once it is over; in the order in which the nodes began. */
  nodeTimes(): NodeTime[];
  release(): void;
}

/** `RunOptions.TraceLevel.FULL_TRACE`. */
const FULL_TRACE = 3;

/**
 * Prepares a call: copies what is fed.
 * @param profiled whether TensorFlow takes every node's time
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
    lend: (use) => {
      checkStatus(status, "running the graph");
      return lendTensors(fetched, use);
    },
    lendSync: (use) => {
      checkStatus(status, "running the graph");
      return lendTensorsSync(fetched, use);
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

/** Copies all values, or none: where one does not fit its shape, those before it are freed. */
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

/** Copies the tensors out and frees them. */
function takeTensors(pointers: BigUint64Array): TensorValue[] {
  for (const _ of pointers) countHandle("tensor", 1);
  try {
    return Array.from(pointers, copyFromTensorflow);
  } finally {
    for (const pointer of pointers) deleteTensor(pointer);
  }
}

/** Lets the tensors be used where they lie, then frees them. */
async function lendTensors<T>(
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

function lendTensorsSync<T>(pointers: BigUint64Array, use: (values: TensorValue[]) => T): T {
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
