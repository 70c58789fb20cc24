// Starts and ends the rank processes of this host, and receives their messages.
import { type ChildProcess, spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { messageOf, UserError } from "../../common/errors";
import { installPath, projectRoot } from "../../common/project";
import { splitAddress } from "./control_link";
import type { FromRank, RankJob, ToRank } from "./rank_messages";
import { tfConfigOf } from "./tf_config";

/** Number of a process's last output lines that are kept, for the error if it dies. */
const KEPT_LINES = 3;

/** A job, and the handlers of its ranks' events. */
export interface ChildrenJob extends RankJob {
  /** Called with every message of a rank. */
  onMessage(rank: number, message: FromRank): void;
  /** Called when a rank's process is gone; the cause names its exit code or signal, and its last output. */
  onExit(rank: number, cause: string): void;
}

/** The processes of this host's ranks. */
export interface RankChildren {
  send(message: ToRank): void;
  /** Kills the remaining processes; resolves when none is left. */
  end(): Promise<void>;
}

/** Starts the ranks of this host. They end with this process, however it ends. */
export async function startRanks(job: ChildrenJob): Promise<RankChildren> {
  const environments = await Promise.all(job.ranks.map((rank) => environmentOf(job, rank)));
  const children = job.ranks.map((rank, i) => startRank(job, rank, environments[i]!));
  const closed = children.map(
    (child) => new Promise<void>((resolve) => child.once("close", () => resolve())),
  );
  const send = (child: ChildProcess, message: ToRank) => {
    if (child.connected) child.send(message, () => {}); // errors are ignored: a lost process is reported by its exit
  };
  for (const child of children) send(child, { kind: "begin", folder: job.folder, config: job.config });
  return {
    send: (message) => {
      for (const child of children) send(child, message);
    },
    end: async () => {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(closed);
    },
  };
}

function startRank(job: ChildrenJob, rank: number, environment: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [join(__dirname, "rank_process.js")], {
    cwd: projectRoot(),
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.split("\n").filter((line) => line.trim() !== ""));
      lines.splice(0, lines.length - KEPT_LINES);
    });
  }
  child.on("message", (message: FromRank) => job.onMessage(rank, message));
  child.on("error", (error) => job.onExit(rank, `its process did not start: ${error.message}`));
  child.on("close", (code, signal) => {
    const words = lines.length > 0 ? `, its last words: ${lines.join(" | ")}` : "";
    job.onExit(rank, `its process ended by ${signal ?? `exit code ${code}`}${words}`);
  });
  return child;
}

/** Returns the environment variables of a rank's process. */
async function environmentOf(
  { addresses, ranks, config }: ChildrenJob,
  rank: number,
): Promise<NodeJS.ProcessEnv> {
  const place = ranks.indexOf(rank);
  const threads = Math.max(1, Math.floor(availableParallelism() / ranks.length));
  const isCpuOnly = config.gpus.length === 0 && ranks.length > 1;
  return {
    TF_CONFIG: tfConfigOf({ addresses, rank }),
    GUIE_SUPERVISOR: String(process.pid),
    // TensorFlow's servers connect to each other directly, not through the web proxy
    no_grpc_proxy: addresses.map((address) => address.slice(0, address.lastIndexOf(":"))).join(","),
    TF_NUM_INTRAOP_THREADS: process.env.TF_NUM_INTRAOP_THREADS ?? String(threads),
    ...(await servingOn(addresses[rank]!)),
    ...(isCpuOnly && { CUDA_VISIBLE_DEVICES: "" }),
    ...(config.gpus.length > 0 && { CUDA_VISIBLE_DEVICES: String(config.gpus[place]) }),
  };
}

/** Returns the variables that make TensorFlow's server listen on one address only: scripts/setup/bind_address.c. */
async function servingOn(address: string): Promise<NodeJS.ProcessEnv> {
  const { host, port } = splitAddress(address);
  const library = installPath("node_modules/.setup/bind_address.so");
  if (!existsSync(library)) throw new UserError(`Expected ${library}: there is none.`, "npm run setup");
  const preloads = [library, ...(process.env.LD_PRELOAD ? [process.env.LD_PRELOAD] : [])];
  try {
    const { address: number } = await lookup(host);
    return { GUIE_SERVE_ADDRESS: number, GUIE_SERVE_PORT: String(port), LD_PRELOAD: preloads.join(":") };
  } catch (error) {
    throw new UserError(
      `The host of this rank, ${host}, has no address: ${messageOf(error)}.`,
      "See TF_CONFIG.",
    );
  }
}
