// Runs one task of a Slurm job: sets TF_CONFIG from srun's variables, then runs `guie train`. Ports: GUIE_BASE_PORT + 2
// x the task's number on its node, so that the port above the chief's is free for its launcher.
import { execFileSync, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function requireVariable(name) {
  const value = process.env[name];
  if (value !== undefined) return value;
  console.error(`slurm: ${name} is not set: start this by srun (scripts/cluster/train.sbatch)`);
  process.exit(1);
}

/** Returns "host:port" of every task. Tasks are ordered by node (srun's block distribution, its default). */
function addressesOf(hosts, tasksPerNode, basePort) {
  return hosts.flatMap((host) =>
    Array.from({ length: tasksPerNode }, (_, i) => `${host}:${basePort + 2 * i}`),
  );
}

const hosts = execFileSync("scontrol", ["show", "hostnames", requireVariable("SLURM_JOB_NODELIST")], {
  encoding: "utf8",
})
  .split("\n")
  .filter(Boolean);
const tasks = Number(requireVariable("SLURM_NTASKS"));
const worker = addressesOf(hosts, tasks / hosts.length, Number(process.env.GUIE_BASE_PORT ?? 22000));
if (!Number.isInteger(tasks / hosts.length)) {
  console.error(
    `slurm: ${tasks} tasks are not evenly distributed over ${hosts.length} nodes: give --ntasks-per-node`,
  );
  process.exit(1);
}
// With --gpus-per-node every task sees all GPUs of its node: it takes the one with its local number.
const gpus = process.env.CUDA_VISIBLE_DEVICES?.split(",") ?? [];
const local = Number(requireVariable("SLURM_LOCALID"));
const child = spawn(process.execPath, [join(root, "lib/bin/guie.js"), "train", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: {
    ...process.env,
    TF_CONFIG: JSON.stringify({
      cluster: { worker },
      task: { type: "worker", index: Number(requireVariable("SLURM_PROCID")) },
    }),
    ...(gpus.length > 1 && { CUDA_VISIBLE_DEVICES: gpus[local] }),
  },
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  process.exitCode = code ?? 1;
});
