// Supervises runs of several processes: starts this host's ranks, watches them, ends all if one fails, restarts them.
import { createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { messageOf, UserError } from "../../common/errors";
import type { Claim } from "../../common/files/claim";
import { Interrupted } from "../../common/interrupt";
import type { TaskOptions } from "../../common/progress";
import { processCount } from "../../config/processes";
import type { ClusterSpec } from "../../engine/session/cluster";
import { logLine } from "../../runs/run_folder";
import type { RunSummary } from "../../runs/run_summary";
import { holdRun } from "../run";
import { type FromChief, gatherMembers, joinChief, type Members } from "./control_link";
import { type RankChildren, startRanks } from "./rank_children";
import type { FromRank, RankJob } from "./rank_messages";
import { type Failure, RankWatch, SILENT_MS } from "./rank_watch";

/** Options of supervising a run. */
export interface SupervisorOptions extends TaskOptions {
  /** Maximum number of restarts from the last checkpoint, after failures that may not occur again. */
  maxRestarts?: number;
  /** Receives a line for people. */
  say?: (line: string) => void;
  /** Aborting it makes the run finish its step, save and end. */
  signal?: AbortSignal | undefined;
  /** A process counts as hung after this time without a message. */
  silentMs?: number;
}

type EndReason = "finished" | "stopped";

/** Interval of checking the ranks. */
const CHECK_MS = 200;

/** The error of a failed rank: one line that names the rank, its host and the cause. */
class RankFailure extends UserError {
  readonly failure: Failure;

  constructor(failure: Failure, addresses: readonly string[]) {
    const { rank, cause } = failure;
    const where = `rank ${rank} of ${addresses.length} on ${placeOf(addresses[rank]!)}`;
    const what = `The run has ended: ${where}: ${cause.replaceAll(/\s*\n\s*/g, " ")}`;
    super(what, undefined, { mayPass: failure.canRestart });
    this.failure = failure;
  }
}

/** Adds the host's name to a loopback address, "host-a (127.0.0.1:4711)"; returns other addresses unchanged. */
function placeOf(address: string): string {
  return address.startsWith("127.") ? `${hostname()} (${address})` : address;
}

/**
 * Trains the run in a folder to its end in several processes, which have ended when this returns: all on this host, or,
 * as the chief of a cluster, one here and the others by launchers that call `joinRun`.
 * @param claimed the run's claim, if this process has it already: it holds for all ranks
 */
export async function superviseRun(
  folder: string,
  options: SupervisorOptions = {},
  cluster?: ClusterSpec,
  claimed?: Claim,
): Promise<RunSummary> {
  const body = (config: RankJob["config"]) =>
    withRestarts(
      options,
      async () => {
        const addresses = cluster?.addresses ?? (await freeAddresses(processCount(config)));
        const ranks = cluster ? [cluster.rank] : addresses.map((_, rank) => rank);
        await attemptAsChief({ folder, config, addresses, ranks }, options);
      },
      (line) => logLine(folder, line),
    );
  return holdRun(folder, body, { claimed });
}

/** Trains one rank of a cluster on this host, under the chief's launcher on another; writes no files. */
export async function joinRun(
  config: RankJob["config"],
  { addresses, rank }: ClusterSpec,
  options: SupervisorOptions = {},
): Promise<EndReason> {
  try {
    await withRestarts(options, () =>
      attemptAsMember({ folder: "", config, addresses, ranks: [rank] }, options),
    );
    return "finished";
  } catch (error) {
    if (error instanceof Interrupted) return "stopped";
    throw error;
  }
}

/** Repeats `attempt` after failures that allow a restart, up to `maxRestarts` times. */
async function withRestarts(
  { maxRestarts = 0, say }: SupervisorOptions,
  attempt: () => Promise<void>,
  log: (line: string) => void = () => {},
): Promise<void> {
  for (let restart = 1; ; restart++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RankFailure && error.failure.canRestart) || restart > maxRestarts) throw error;
      const line = `${error.message} Starting again from the last checkpoint (${restart} of ${maxRestarts}).`;
      log(line);
      say?.(line);
    }
  }
}

/** Runs all ranks once. @throws Interrupted if they were asked to stop; RankFailure */
async function attemptAsChief(job: RankJob, options: SupervisorOptions): Promise<void> {
  const { addresses } = job;
  const { onProgress, say, signal } = options;
  const watch = new RankWatch(addresses.length, performance.now(), options.silentMs);
  const ended = new Map<number, EndReason>();
  const onMessage = (rank: number, message: FromRank) => {
    note(watch, rank, message);
    if (message.kind === "ended") ended.set(rank, message.reason);
    if (rank !== 0) return;
    if (message.kind === "progress") onProgress?.(message.report);
    if (message.kind === "device") say?.(`${addresses.length} processes, each on ${message.line}`);
  };
  const onLost = (rank: number, cause: string) =>
    watch.fail(rank, "died", `${cause} (last seen ${watch.place(rank)})`, performance.now());
  const members = await membersOf(job, { onMessage, onLost }, options);
  const children = await startRanks({ ...job, onMessage, onExit: onLost });
  const forgetStop = onAbort(signal, () => children.send({ kind: "stop" }));
  try {
    await untilTrue(() => {
      if (ended.size === addresses.length) return true;
      const failure = watch.failure(performance.now());
      if (failure) throw new RankFailure(failure, addresses);
      return false;
    });
    const reason = [...ended.values()].includes("stopped") ? "stopped" : "finished";
    members?.send({ kind: "ended", reason });
    if (reason === "stopped") throw new Interrupted();
  } catch (error) {
    if (error instanceof RankFailure) members?.send({ kind: "failed", failure: error.failure });
    throw error;
  } finally {
    forgetStop();
    await children.end();
    members?.close();
  }
}

/** Waits for the launchers of other hosts; undefined if all ranks are on this one. */
function membersOf(
  { config, addresses, ranks }: RankJob,
  events: Parameters<typeof gatherMembers>[2],
  { say, signal }: SupervisorOptions,
): Promise<Members> | undefined {
  if (ranks.length === addresses.length) return undefined;
  say?.(`Waiting for the launchers of ${addresses.length - ranks.length} other ranks`);
  return gatherMembers(addresses, config, events, signal);
}

/** Runs a rank of another host's run once. */
async function attemptAsMember(
  job: RankJob,
  { signal, say, silentMs = SILENT_MS }: SupervisorOptions,
): Promise<void> {
  const { config, addresses, ranks } = job;
  const [rank] = ranks as [number];
  const chief = { heardAtMs: performance.now(), isLost: false };
  let starting: Promise<RankChildren> | undefined;
  let end: FromChief | undefined;
  const onMessage = (message: FromChief) => {
    chief.heardAtMs = performance.now();
    if (message.kind === "begin") {
      starting = startRanks({ ...job, onMessage: forward, onExit });
      starting.catch((error) => onExit(rank, messageOf(error)));
    } else if (message.kind !== "beat") end ??= message;
  };
  const forward = (_: number, message: FromRank) => link.send({ kind: "rank", message });
  const onExit = (_: number, cause: string) => link.send({ kind: "exit", cause });
  say?.(`Rank ${rank} of ${addresses.length}: looking for the chief's launcher on ${addresses[0]}`);
  const onLost = () => {
    chief.isLost = true;
  };
  const link = await joinChief({ rank, addresses, config }, onMessage, onLost, signal);
  const forgetStop = onAbort(signal, async () => (await starting)?.send({ kind: "stop" }));
  try {
    await untilTrue(() => {
      if (end) return true;
      const seconds = silentMs / 1000;
      const silence =
        performance.now() - chief.heardAtMs > silentMs && `no sign of life of its launcher for ${seconds} s`;
      const cause = chief.isLost ? "its launcher is gone" : silence;
      if (cause) throw new RankFailure({ rank: 0, cause, canRestart: true }, addresses);
      return false;
    });
  } finally {
    forgetStop();
    await (await starting?.catch(() => undefined))?.end();
    link.close();
  }
  if (end?.kind === "failed") throw new RankFailure(end.failure, addresses);
  if (end?.kind === "refused") throw new UserError(`The chief's launcher has refused: ${end.reason}`);
  if (end?.kind === "ended" && end.reason === "stopped") throw new Interrupted();
}

/** Passes a rank's message on to the watch. */
function note(watch: RankWatch, rank: number, message: FromRank): void {
  const now = performance.now();
  watch.beat(rank, now);
  if (message.kind === "phase") watch.enter(rank, message.phase, message.step, now);
  if (message.kind === "failed") watch.fail(rank, message.as, message.cause, now);
}

/** Calls back once the signal is aborted, or at once if it is already. @returns a function that removes the callback */
function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal?.aborted) callback();
  signal?.addEventListener("abort", callback);
  return () => signal?.removeEventListener("abort", callback);
}

/** Calls `check` regularly until it returns true. @throws what `check` throws */
function untilTrue(check: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      try {
        if (!check()) return;
        resolve();
      } catch (error) {
        reject(error);
      }
      clearInterval(timer);
    }, CHECK_MS);
  });
}

/** Returns addresses on this host's loopback device that are free now. */
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
