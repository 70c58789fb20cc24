// Reads and writes TF_CONFIG, the environment variable that describes the cluster to a process, as TensorFlow's own
// strategies read it. https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
import { z } from "zod";
import { messageOf, UserError } from "../../common/errors";
import type { ClusterSpec } from "../../engine/session/cluster";

/** Kinds of tasks that train, in the order of their ranks. */
const TRAINING_JOBS = ["chief", "master", "worker"] as const;

const SCHEMA = z.object({
  cluster: z.record(z.string(), z.array(z.string().regex(/^\S+:\d+$/, 'not "host:port"'))),
  task: z.object({ type: z.string(), index: z.number().int().nonnegative() }),
});

/**
 * Returns the cluster of a TF_CONFIG: first the chief if it names one, then the workers in their order.
 * @throws UserError if its form is unknown, or its task does not train
 */
export function clusterOfTfConfig(text: string): ClusterSpec {
  const { cluster, task } = parsed(text);
  const strangers = Object.keys(cluster).filter((job) => !(TRAINING_JOBS as readonly string[]).includes(job));
  if (strangers.length > 0) {
    throw new UserError(
      `TF_CONFIG has tasks of the kind ${strangers.join(", ")}.`,
      `All processes here train in the same way: name them ${TRAINING_JOBS.join(", ")}.`,
    );
  }
  const tasks = TRAINING_JOBS.flatMap((type) =>
    (cluster[type] ?? []).map((address, index) => ({ type: type as string, index, address })),
  );
  const rank = tasks.findIndex(({ type, index }) => type === task.type && index === task.index);
  if (rank < 0) {
    throw new UserError(
      `TF_CONFIG calls this process ${task.type} ${task.index}, which is not in its cluster.`,
      "Its task must be one that the cluster lists.",
    );
  }
  return { addresses: tasks.map(({ address }) => address), rank };
}

/** Returns the TF_CONFIG of a process, which `clusterOfTfConfig` reads. */
export function tfConfigOf({ addresses, rank }: ClusterSpec): string {
  return JSON.stringify({ cluster: { worker: addresses }, task: { type: "worker", index: rank } });
}

function parsed(text: string): z.infer<typeof SCHEMA> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`TF_CONFIG is not JSON: ${messageOf(error)}.`, EXAMPLE);
  }
  const result = SCHEMA.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new UserError(`TF_CONFIG does not fit: ${faults.join("; ")}.`, EXAMPLE);
}

const EXAMPLE =
  'For example {"cluster": {"worker": ["node1:12345", "node2:12345"]}, "task": {"type": "worker", "index": 0}}.';
