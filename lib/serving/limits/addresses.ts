// Clients' addresses, and their shares of the limits.
import { isIPv6 } from "node:net";
import type { FastifyRequest } from "fastify";
import { isLoopback } from "./request_guards";

/** An address other than this machine's may use one part in this many of each limit. */
const SHARES = 4;
/** Longest address in a proxy's header. */
const LONGEST_ADDRESS = 64;

/** Returns an address's share of a limit: all of it for this machine. @param least smallest share */
export function shareOf(address: string, whole: number, least = 1): number {
  return isLoopback(address) ? whole : Math.min(whole, Math.max(least, Math.ceil(whole / SHARES)));
}

/**
 * Returns the address that a request is counted for.
 * @param trustHeader header in which a proxy writes the client's address; its last entry counts, since a client can
 *   write anything before it
 */
export function clientAddress({ raw, headers }: FastifyRequest, trustHeader?: string): string {
  const told = trustHeader === undefined ? undefined : headers[trustHeader.toLowerCase()];
  const last = String(told ?? "")
    .split(",")
    .at(-1)!
    .trim();
  const isTold = last !== "" && last.length <= LONGEST_ADDRESS;
  return shareKey(isTold ? last : raw.socket.remoteAddress);
}

/** Returns the address itself; for IPv6 its /64 network, since whoever has one address has them all. */
export function shareKey(address = "unknown"): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(plain) || isLoopback(plain)) return plain;
  const [start, end] = plain.split("::").map((half) => (half === "" ? [] : half.split(":"))) as [
    string[],
    string[]?,
  ];
  const zeros = Array<string>(end ? 8 - start.length - end.length : 0).fill("0");
  const groups = [...start, ...zeros, ...(end ?? [])].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
