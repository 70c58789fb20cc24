// Messages between the launchers of several hosts, so that all end together and for the same reason: lines of JSON over
// TCP between each host and the chief's, which listens one port above its own address of TF_CONFIG.
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, UserError } from "../../common/errors";
import { Interrupted } from "../../common/interrupt";
import { configDifferences } from "../../runs/start_folder";
import type { FromRank, RankJob } from "./rank_messages";
import type { Failure } from "./rank_watch";

/** Time that the hosts wait for each other at the start, and again after a failure. */
const JOIN_MS = 300_000;
/** Time in which a chief that does not begin tells launchers that start a little later. */
const DISMISS_MS = 30_000;
const BEAT_MS = 1000;

/** The introduction of a member: its rank, cluster and config. */
interface Hello extends Pick<RankJob, "addresses" | "config"> {
  rank: number;
}

/** A message from a member to the chief. */
type FromMember =
  | ({ kind: "hello" } & Hello)
  | { kind: "rank"; message: FromRank }
  /** The member's rank process is gone. */
  | { kind: "exit"; cause: string };

/** A message from the chief to a member. */
export type FromChief =
  | { kind: "beat" }
  | { kind: "begin" }
  | { kind: "stop" }
  | { kind: "refused"; reason: string }
  | { kind: "failed"; failure: Failure }
  | { kind: "ended"; reason: "finished" | "stopped" };

/** The chief's connections to the launchers of the other hosts. */
export interface Members {
  send(message: FromChief): void;
  close(): void;
}

/** Events of the members that the chief's launcher handles. */
export interface MemberEvents {
  onMessage(rank: number, message: FromRank): void;
  /** Called when a rank's process, or its host's launcher, is gone. */
  onLost(rank: number, cause: string): void;
}

/**
 * Waits until a launcher for every other rank has connected, and tells them to begin.
 * @throws UserError if one does not connect in time, or trains something else
 */
export async function gatherMembers(
  addresses: readonly string[],
  config: RankJob["config"],
  events: MemberEvents,
  signal?: AbortSignal,
): Promise<Members> {
  const sockets = new Map<number, Socket>();
  const faults: string[] = [];
  const server = createServer((socket) => {
    let rank: number | undefined;
    const admit = (hello: Hello) => {
      const fault = faultOf(hello, { addresses, config });
      if (fault) faults.push(fault);
      const isTaken = sockets.has(hello.rank);
      const reason = fault ?? (isTaken ? `there is another process with rank ${hello.rank}` : undefined);
      if (reason) return tell(socket, { kind: "refused", reason });
      rank = hello.rank;
      sockets.set(rank, socket);
    };
    hear<FromMember>(socket, (message) => {
      if (message.kind === "hello") return admit(message);
      if (rank === undefined) return;
      if (message.kind === "rank") events.onMessage(rank, message.message);
      if (message.kind === "exit") events.onLost(rank, message.cause);
    });
    socket.once("close", () => {
      if (rank === undefined || sockets.get(rank) !== socket) return;
      sockets.delete(rank);
      events.onLost(rank, "the launcher on its host is gone");
    });
  });
  const send = (message: FromChief) => {
    for (const socket of sockets.values()) tell(socket, message);
  };
  const beats = setInterval(() => send({ kind: "beat" }), BEAT_MS);
  const close = () => {
    clearInterval(beats);
    server.close();
    for (const socket of sockets.values()) leave(socket);
    sockets.clear();
  };
  try {
    await listen(server, addresses);
    await untilAll(addresses, sockets, faults, signal);
  } catch (error) {
    const isStop = error instanceof Interrupted;
    send(isStop ? { kind: "ended", reason: "stopped" } : { kind: "refused", reason: messageOf(error) });
    close();
    throw error;
  }
  send({ kind: "begin" });
  return { send, close };
}

/**
 * Tells the launchers of the other ranks, as they connect, that the chief does not begin: else they would look for it
 * for minutes. Returns once all know, or after 30 s.
 * @param message why: the run has ended before, or the chief cannot train it
 */
export async function dismissMembers(
  addresses: readonly string[],
  message: Extract<FromChief, { kind: "ended" | "refused" }>,
  signal?: AbortSignal,
): Promise<void> {
  const told = new Set<number>();
  const server = createServer((socket) =>
    hear<FromMember>(socket, (hello) => {
      if (hello.kind !== "hello") return;
      tell(socket, message);
      told.add(hello.rank);
    }),
  );
  try {
    await listen(server, addresses);
    const deadlineMs = performance.now() + DISMISS_MS;
    while (told.size < addresses.length - 1 && performance.now() < deadlineMs && !signal?.aborted)
      await sleep(100);
  } finally {
    server.close();
  }
}

async function untilAll(
  addresses: readonly string[],
  sockets: ReadonlyMap<number, Socket>,
  faults: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + JOIN_MS;
  while (sockets.size < addresses.length - 1) {
    signal?.throwIfAborted();
    if (faults[0] !== undefined) throw new UserError(`${faults[0]}.`, "Start the same command on all hosts.");
    if (performance.now() > deadlineMs) {
      const missing = addresses.flatMap((address, rank) =>
        rank > 0 && !sockets.has(rank) ? [`rank ${rank} (${address})`] : [],
      );
      throw new UserError(
        `No launcher of ${missing.join(", ")} has connected within ${JOIN_MS / 1000} s.`,
        "Start the same command there, with the same TF_CONFIG but its own task.",
        { mayPass: true },
      );
    }
    await sleep(100);
  }
}

/** Tells why the chief cannot train with a member; undefined if it can. */
function faultOf(member: Hello, chief: Omit<Hello, "rank">): string | undefined {
  const { rank, addresses, config } = member;
  if (addresses.join() !== chief.addresses.join() || !(rank > 0 && rank < addresses.length)) {
    const [members, chiefs] = [addresses, chief.addresses].map((all) => all.join(", "));
    return `Rank ${rank} was started with the TF_CONFIG of another cluster: ${members}; the chief's is ${chiefs}`;
  }
  const differences = configDifferences(chief.config, config);
  if (differences.length === 0) return undefined;
  return `Rank ${rank} on ${addresses[rank]} was started with other settings (chief's -> its own): ${differences.join(", ")}`;
}

/** A member's connection to the chief's launcher. */
export interface ChiefLink {
  send(message: FromMember): void;
  close(): void;
}

/**
 * Connects to the chief's launcher, which may start later.
 * @throws UserError if it does not start in time
 */
export async function joinChief(
  hello: Hello,
  onMessage: (message: FromChief) => void,
  onLost: () => void,
  signal?: AbortSignal,
): Promise<ChiefLink> {
  const { host, port } = controlAddress(hello.addresses);
  const deadlineMs = performance.now() + JOIN_MS;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const socket = await connected(host, port, signal);
      hear(socket, onMessage);
      socket.once("close", onLost);
      const send = (message: FromMember) => tell(socket, message);
      send({ kind: "hello", ...hello });
      return { send, close: () => leave(socket.removeListener("close", onLost)) };
    } catch (error) {
      if (performance.now() < deadlineMs) {
        await sleep(signal?.aborted ? 0 : 500);
        continue;
      }
      throw new UserError(
        `The launcher of rank 0 was not found on ${host}:${port} within ${JOIN_MS / 1000} s (${messageOf(error)}).`,
        "Start the same command there; the port must be open between the hosts.",
        { mayPass: true },
      );
    }
  }
}

/** Returns the address of the chief's launcher: port GUIE_CONTROL_PORT, or the port above its rank's. */
function controlAddress(addresses: readonly string[]): { host: string; port: number } {
  const { host, port } = splitAddress(addresses[0]!);
  const control = Number(process.env.GUIE_CONTROL_PORT ?? port + 1);
  if (!addresses.some((address) => address === `${host}:${control}`)) return { host, port: control };
  throw new UserError(
    `${host}:${control}, the address for the chief's launcher, is the address of a rank.`,
    "Leave the port above the chief's free, or name another in GUIE_CONTROL_PORT on all hosts.",
  );
}

/** Splits an address into host and port: "[::1]:80" -> "::1" and 80. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

function listen(server: Server, addresses: readonly string[]): Promise<void> {
  const { host, port } = controlAddress(addresses);
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new UserError(`The launcher cannot listen on ${host}:${port}: ${error.message}.`)),
    );
    server.listen({ host, port }, resolve);
  });
}

function connected(host: string, port: number, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 5000 });
    const giveUp = () => socket.destroy(signal!.reason);
    signal?.addEventListener("abort", giveUp);
    socket.once("close", () => signal?.removeEventListener("abort", giveUp));
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error("no answer")));
    socket.once("connect", () => {
      socket.setTimeout(0).removeListener("error", reject);
      signal?.removeEventListener("abort", giveUp);
      resolve(socket);
    });
  });
}

/** Calls `onMessage` for every message; a socket that sends anything else is closed. */
function hear<M>(socket: Socket, onMessage: (message: M) => void): void {
  const lines = createInterface({ input: socket });
  // "close" follows; the reader repeats the socket's errors
  for (const source of [socket, lines]) source.on("error", () => {});
  lines.on("line", (line) => {
    try {
      onMessage(JSON.parse(line) as M);
    } catch {
      socket.destroy();
    }
  });
}

/** Ends a connection without waiting for the other side, which may be unreachable. */
function leave(socket: Socket): void {
  socket.end();
  socket.unref();
}

function tell(socket: Socket, message: FromMember | FromChief): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}
