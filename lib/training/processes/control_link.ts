// What the launchers of several hosts tell each other, so that all of them end together and for the same reason: lines
// of JSON over TCP, from each host to the chief's, which listens on its own address of TF_CONFIG, one port above.
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, UserError } from "../../common/errors";
import { Interrupted } from "../../common/interrupt";
import { configDifferences } from "../../runs/start_folder";
import type { FromRank, RankJob } from "./rank_messages";
import type { Failure } from "./rank_watch";

/** How long the hosts wait for each other at the start, and again after a failure. */
const JOIN_MS = 300_000;
const BEAT_MS = 1000;

/** Who comes, and what for. */
interface Hello extends Pick<RankJob, "addresses" | "config"> {
  rank: number;
}

/** From a member to the chief. */
type FromMember =
  | ({ kind: "hello" } & Hello)
  | { kind: "rank"; message: FromRank }
  /** Its rank's process is gone. */
  | { kind: "exit"; cause: string };

/** From the chief to a member. */
export type FromChief =
  | { kind: "beat" }
  | { kind: "begin" }
  | { kind: "stop" }
  | { kind: "refused"; reason: string }
  | { kind: "failed"; failure: Failure }
  | { kind: "ended"; reason: "finished" | "stopped" };

/** The other hosts, as the chief's launcher sees them. */
export interface Members {
  send(message: FromChief): void;
  close(): void;
}

/** What the chief's launcher hears. */
export interface MemberEvents {
  onMessage(rank: number, message: FromRank): void;
  /** A rank's process is gone, or its host's launcher. */
  onLost(rank: number, cause: string): void;
}

/**
 * Waits until a launcher has come for every other rank, and tells them to begin.
 * @throws UserError where one does not come in time, or, as soon as it comes, trains something else
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
    const welcome = (hello: Hello) => {
      const fault = faultOf(hello, { addresses, config });
      if (fault) faults.push(fault);
      const isTwin = sockets.has(hello.rank);
      const reason = fault ?? (isTwin ? `there is another process with rank ${hello.rank}` : undefined);
      if (reason) return tell(socket, { kind: "refused", reason });
      rank = hello.rank;
      sockets.set(rank, socket);
    };
    hear<FromMember>(socket, (message) => {
      if (message.kind === "hello") return welcome(message);
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
        `After ${JOIN_MS / 1000} s there is no word of ${missing.join(", ")}.`,
        "Start the same command there, with the same TF_CONFIG but its own task.",
      );
    }
    await sleep(100);
  }
}

/** Why the chief cannot train with a member at all. */
function faultOf(member: Hello, chief: Omit<Hello, "rank">): string | undefined {
  const { rank, addresses, config } = member;
  if (addresses.join() !== chief.addresses.join() || !(rank > 0 && rank < addresses.length)) {
    const [its, own] = [addresses, chief.addresses].map((all) => all.join(", "));
    return `Rank ${rank} was started with the TF_CONFIG of another cluster: ${its}; the chief's is ${own}`;
  }
  const differences = configDifferences(chief.config, config);
  if (differences.length === 0) return undefined;
  return `Rank ${rank} on ${addresses[rank]} was started with other settings (chief's -> its own): ${differences.join(", ")}`;
}

/** The chief's launcher, as that of another host sees it. */
export interface ChiefLink {
  send(message: FromMember): void;
  close(): void;
}

/**
 * Finds the chief's launcher, which may start later.
 * @throws UserError where it does not come in time
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
      );
    }
  }
}

/** Where the chief's launcher listens: GUIE_CONTROL_PORT, or the port above its rank's own. */
function controlAddress(addresses: readonly string[]): { host: string; port: number } {
  const { host, port } = splitAddress(addresses[0]!);
  const control = Number(process.env.GUIE_CONTROL_PORT ?? port + 1);
  if (!addresses.some((address) => address === `${host}:${control}`)) return { host, port: control };
  throw new UserError(
    `${host}:${control}, where the chief's launcher would listen, is the address of a rank.`,
    "Leave the port above the chief's free, or name another in GUIE_CONTROL_PORT on all hosts.",
  );
}

/** "[::1]:80" -> "::1" and 80. */
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

/** Calls back for every message; a socket that brings anything else is closed. */
function hear<M>(socket: Socket, onMessage: (message: M) => void): void {
  socket.on("error", () => {}); // "close" follows
  createInterface({ input: socket }).on("line", (line) => {
    try {
      onMessage(JSON.parse(line) as M);
    } catch {
      socket.destroy();
    }
  });
}

/** Says that no more will come, and does not wait for the other side, which may be out of reach. */
function leave(socket: Socket): void {
  socket.end();
  socket.unref();
}

function tell(socket: Socket, message: FromMember | FromChief): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}
