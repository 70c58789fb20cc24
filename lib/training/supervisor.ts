// Runs of several processes: starts the ranks of this host, watches them, ends all when one fails, starts them again.
import { createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { UserError } from "../common/errors";
import { Interrupted } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { processCount, type TrainConfig } from "../config/config";
import { startRanks } from "./rank_children";
import type { FromRank } from "./rank_messages";
import { type Failure, RankWatch } from "./rank_watch";
import { holdRun, type RunSummary } from "./run";
import { logLine } from "./run_folder";

/** How a run of several processes is watched over. */
export interface SupervisorOptions {
  /** After a failure that may not come again, so often the run goes on from its last checkpoint. */
  maxRestarts?: number;
  onProgress?: OnProgress;
  /** Takes a line for people. */
  say?: (line: string) => void;
  /** Aborted when the run is to finish its step, save and end. */
  stop?: AbortSignal;
  /** A process of which nothing was heard for so long has hung. */
  silentMs?: number;
}

/** How often it is looked whether all ranks are well. */
const LOOK_MS = 200;

/** A run that ended because of one of its ranks: one line that names the rank, its host and the cause. */
export class RankFailure extends UserError {
  readonly failure: Failure;

  constructor(failure: Failure, addresses: readonly string[]) {
    const { rank, cause } = failure;
    const where = `rank ${rank} of ${addresses.length} on ${placeOf(addresses[rank]!)}`;
    super(`The run has ended: ${where}: ${cause.replaceAll(/\s*\n\s*/g, " ")}`);
    this.failure = failure;
  }
}

/** "host-a (10.0.0.1:4711)"; the address alone where it is another host's. */
function placeOf(address: string): string {
  return address.startsWith("127.") ? `${hostname()} (${address})` : address;
}

/** Trains the run of a folder to its end in several processes on this host, which are gone when this returns. */
export async function superviseRun(folder: string, options: SupervisorOptions = {}): Promise<RunSummary> {
  return holdRun(folder, async (config) => {
    for (let restarts = 0; ; restarts++) {
      try {
        await attempt(folder, config, await freeAddresses(processCount(config)), options);
        return;
      } catch (error) {
        if (!(error instanceof RankFailure)) throw error;
        if (!error.failure.canRestart || restarts >= (options.maxRestarts ?? 0)) throw error;
        const line = `${error.message} Starting again from the last checkpoint (${restarts + 1} of ${options.maxRestarts}).`;
        logLine(folder, line);
        options.say?.(line);
      }
    }
  });
}

/** One life of all ranks. @throws Interrupted where they were asked to stop; RankFailure */
async function attempt(
  folder: string,
  config: Readonly<TrainConfig>,
  addresses: readonly string[],
  { onProgress, say, stop, silentMs }: SupervisorOptions,
): Promise<void> {
  const watch = new RankWatch(addresses.length, Date.now(), silentMs);
  const ended = new Map<number, "finished" | "stopped">();
  const onMessage = (rank: number, message: FromRank) => {
    const now = Date.now();
    watch.beat(rank, now);
    if (message.kind === "phase") watch.enter(rank, message.phase, message.step, now);
    if (message.kind === "failed") watch.fail(rank, message.as, message.cause, now);
    if (message.kind === "ended") ended.set(rank, message.reason);
    if (rank !== 0) return;
    if (message.kind === "progress") onProgress?.(message.report);
    if (message.kind === "device") say?.(`${addresses.length} processes, each on ${message.line}`);
  };
  const onExit = (rank: number, how: string, lastWords: readonly string[]) => {
    const words = lastWords.length > 0 ? `; its last words: ${lastWords.slice(-3).join(" | ")}` : "";
    watch.fail(rank, "died", `its process ended by ${how} ${watch.place(rank)}${words}`, Date.now());
  };
  const ranks = addresses.map((_, rank) => rank);
  const children = startRanks({ folder, config, addresses, ranks, onMessage, onExit });
  const askToStop = () => children.send({ kind: "stop" });
  stop?.addEventListener("abort", askToStop);
  if (stop?.aborted) askToStop();
  try {
    await untilEnded(watch, ended, addresses);
  } finally {
    stop?.removeEventListener("abort", askToStop);
    await children.end();
  }
  if ([...ended.values()].includes("stopped")) throw new Interrupted();
}

function untilEnded(
  watch: RankWatch,
  ended: ReadonlyMap<number, unknown>,
  addresses: readonly string[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (ended.size === addresses.length) {
        clearInterval(timer);
        resolve();
        return;
      }
      const failure = watch.failure(Date.now());
      if (!failure) return;
      clearInterval(timer);
      reject(new RankFailure(failure, addresses));
    }, LOOK_MS);
  });
}

/** Addresses on this host's loopback device that are free now. */
async function freeAddresses(count: number): Promise<string[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports.map((port) => `127.0.0.1:${port}`);
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
