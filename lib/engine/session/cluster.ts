// Clusters: processes on one or several hosts that compute together through TensorFlow's own servers. A process is
// named by its rank, 0 to W - 1; rank 0 is the chief.
import { UserError } from "../../common/errors";
import { cApi } from "../native/c_api";
import { encodeProto } from "../native/protos";
import { withStatus } from "../native/status";
import { type ClusterTask, type SessionOptions, sessionSettings } from "./session_options";

/** The processes of a cluster, and this process's rank. */
export interface ClusterSpec {
  /** "host:port" of every process in the order of ranks; the same list in all processes. */
  addresses: readonly string[];
  /** Rank of this process. */
  rank: number;
}

/** A process's place in a running cluster. */
export interface Cluster extends ClusterSpec {
  /** Number of processes, W. */
  worldSize: number;
  /** Options with which a `Program` runs in the cluster. */
  sessionOptions: SessionOptions & { cluster: ClusterTask };
  /** Returns a number for a collective operation; processes that call it in the same order get the same numbers. */
  nextKey(): number;
}

const JOB = "worker";

function taskName(rank: number): string {
  return `/job:${JOB}/replica:0/task:${rank}`;
}

/**
 * Starts this process's server, which runs until the process ends: TensorFlow cannot stop it. Sessions wait for the
 * other processes when they first need them.
 * @throws UserError for an invalid list of addresses, EngineError where the address cannot be served
 */
export function startServer({ addresses, rank }: ClusterSpec, options: SessionOptions = {}): Cluster {
  assertSpec({ addresses, rank });
  const task = { task: taskName(rank), leader: taskName(0) };
  const definition = encodeProto("ServerDef", {
    cluster: { job: [{ name: JOB, tasks: { ...addresses } }] },
    jobName: JOB,
    taskIndex: rank,
    // Without the leader in the server's own settings, every process would wait for others that it never contacts
    defaultSessionConfig: sessionSettings({ ...options, cluster: { ...task, target: "" } }),
    protocol: "grpc",
  });
  const api = cApi();
  const attempt = `starting the server of rank ${rank} on ${addresses[rank]}`;
  const server = withStatus(attempt, (status) => api.TF_NewServer(definition, definition.length, status));
  withStatus(attempt, (status) => api.TF_ServerStart(server, status));
  let keys = 0;
  return {
    addresses,
    rank,
    worldSize: addresses.length,
    sessionOptions: { ...options, cluster: { ...task, target: api.TF_ServerTarget(server) } },
    nextKey: () => ++keys,
  };
}

function assertSpec({ addresses, rank }: ClusterSpec): void {
  const wrong = addresses.find((address) => !/^[^\s:]+:\d+$|^\[[0-9a-fA-F:]+\]:\d+$/.test(address));
  if (wrong !== undefined) {
    throw new UserError(`A process's address is "${wrong}".`, 'Give it in the form "host:port".');
  }
  if (new Set(addresses).size < addresses.length) {
    throw new UserError(
      `Two processes have one address: ${addresses.join(", ")}.`,
      "Give each its own port.",
    );
  }
  if (Number.isInteger(rank) && rank >= 0 && rank < addresses.length) return;
  throw new UserError(
    `Rank ${rank} does not exist: there are ${addresses.length} processes.`,
    "Ranks count from 0.",
  );
}
