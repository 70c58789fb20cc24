// The rank processes of this host: started, heard, ended.
import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../common/project";
import type { TrainConfig } from "../config/config";
import type { FromRank, ToRank } from "./rank_messages";
import { tfConfigOf } from "./tf_config";

/** Lines of what a process printed that are kept, to be shown should it die. */
const KEPT_LINES = 12;

/** Which ranks run on this host, and for what. */
export interface ChildrenJob {
  folder: string;
  config: Readonly<TrainConfig>;
  /** "host:port" of all ranks. */
  addresses: readonly string[];
  /** Those of this host. */
  ranks: readonly number[];
  /** Hears what a rank tells. */
  onMessage(rank: number, message: FromRank): void;
  /** A rank's process is gone, by an exit code or a signal ("exit code 1", "SIGKILL"), with its last words. */
  onExit(rank: number, how: string, lastWords: readonly string[]): void;
}

/** Processes of this host's ranks. */
export interface RankChildren {
  send(message: ToRank): void;
  /** Kills those that are left; resolves when none is. */
  end(): Promise<void>;
}

/** Starts the ranks of this host. They end with this process, however it ends. */
export function startRanks(job: ChildrenJob): RankChildren {
  const children = job.ranks.map((rank) => startRank(job, rank));
  const closed = children.map(
    (child) => new Promise<void>((resolve) => child.once("close", () => resolve())),
  );
  const send = (child: ChildProcess, message: ToRank) => {
    if (child.connected) child.send(message, () => {}); // one that is gone shows by its exit
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

function startRank(job: ChildrenJob, rank: number): ChildProcess {
  const child = spawn(process.execPath, [join(__dirname, "rank_process.js")], {
    cwd: projectRoot(),
    env: { ...process.env, ...environmentOf(job, rank) },
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
  child.on("error", (error) => job.onExit(rank, error.message, lines));
  child.on("close", (code, signal) => job.onExit(rank, signal ?? `exit code ${code}`, lines));
  return child;
}

/** What a rank's process finds in its environment. */
function environmentOf({ addresses, ranks, config }: ChildrenJob, rank: number): NodeJS.ProcessEnv {
  const place = ranks.indexOf(rank);
  const threads = Math.max(1, Math.floor(availableParallelism() / ranks.length));
  const isCpuOnly = config.gpus.length === 0 && ranks.length > 1;
  return {
    TF_CONFIG: tfConfigOf({ addresses, rank }),
    GUIE_SUPERVISOR: String(process.pid),
    // TensorFlow's servers talk to each other directly, whatever proxy is set for the web
    no_grpc_proxy: addresses.map((address) => address.slice(0, address.lastIndexOf(":"))).join(","),
    TF_NUM_INTRAOP_THREADS: process.env.TF_NUM_INTRAOP_THREADS ?? String(threads),
    ...(isCpuOnly && { CUDA_VISIBLE_DEVICES: "" }),
    ...(config.gpus.length > 0 && { CUDA_VISIBLE_DEVICES: String(config.gpus[place]) }),
  };
}
