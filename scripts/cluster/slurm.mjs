// Runs one task of a Slurm job: sets TF_CONFIG from srun's variables, then runs `guie train`. Ports: GUIE_BASE_PORT + 2
// x the task's number on its node, so that the port above the chief's is free for its launcher.
import { execFileSync, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function requireVariable(name) {
  return process.env[name] ?? fail(`${name} is not set: start this by srun (scripts/cluster/train.sbatch)`);
}

function fail(message) {
  console.error(`slurm: ${message}`);
  process.exit(1);
}

function scontrol(...args) {
  return execFileSync("scontrol", args, { encoding: "utf8" }).split("\n").filter(Boolean);
}

/** Returns the addresses at which Slurm reaches the nodes of a list: a node's name need not be known to the network. */
function addressesOf(nodeList) {
  const addresses = new Map(
    scontrol("show", "node", "--oneliner", nodeList).map((line) => [
      /\bNodeName=(\S+)/.exec(line)[1],
      /\bNodeAddr=(\S+)/.exec(line)[1],
    ]),
  );
  return scontrol("show", "hostnames", nodeList).map((name) => addresses.get(name));
}

/** Returns the GPU of a task. With --gpus-per-node every task of a node sees all its GPUs. */
function gpuOf(local, tasksPerNode) {
  const gpus = process.env.CUDA_VISIBLE_DEVICES?.split(",") ?? [];
  if (gpus.length > 1 && gpus.length < tasksPerNode)
    fail(`${tasksPerNode} tasks on a node with ${gpus.length} GPUs: give --ntasks-per-node=${gpus.length}`);
  return gpus.length > 1 ? gpus[local] : gpus[0];
}

const nodes = addressesOf(requireVariable("SLURM_JOB_NODELIST"));
const tasks = Number(requireVariable("SLURM_NTASKS"));
const tasksPerNode = tasks / nodes.length;
if (!Number.isInteger(tasksPerNode))
  fail(`${tasks} tasks are not evenly distributed over ${nodes.length} nodes: give --ntasks-per-node`);
const port = (local) => Number(process.env.GUIE_BASE_PORT ?? 22000) + 2 * local;
// Ordered by node, as srun's block distribution numbers the tasks
const worker = nodes.flatMap((node) =>
  Array.from({ length: tasksPerNode }, (_, local) => `${node}:${port(local)}`),
);
const index = Number(requireVariable("SLURM_PROCID"));
const gpu = gpuOf(Number(requireVariable("SLURM_LOCALID")), tasksPerNode);
const child = spawn(process.execPath, [join(root, "lib/bin/guie.js"), "train", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: {
    ...process.env,
    TF_CONFIG: JSON.stringify({ cluster: { worker }, task: { type: "worker", index } }),
    ...(gpu !== undefined && { CUDA_VISIBLE_DEVICES: gpu }),
  },
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill(signal));
child.once("close", (code) => {
  process.exitCode = code ?? 1;
});
