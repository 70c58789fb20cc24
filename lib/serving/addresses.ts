// Whose a request is: limits are shared out by address.
import { isIPv6 } from "node:net";
import type { FastifyRequest } from "fastify";
import { isLoopback } from "./request_guards";

/** Addresses other than this machine's may take one part in this many of each limit. */
const SHARES = 4;
/** Longer texts in a proxy's header are no address. */
const LONGEST_ADDRESS = 64;

/** Returns how much of a limit one address may take: this machine's own all of it. @param least at least this much */
export function shareOf(address: string, whole: number, least = 1): number {
  return isLoopback(address) ? whole : Math.min(whole, Math.max(least, Math.ceil(whole / SHARES)));
}

/**
 * Returns the address that a request counts for.
 * @param trustHeader the header in which a proxy before the service writes the client's address: its last entry counts,
 *   since a client can write whatever it likes before it
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

/** Returns the address itself; of IPv6 the network of 64 bits, since whoever has one address has them all. */
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
