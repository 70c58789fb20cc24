// Guards against other sites' requests, and the headers that limit what browsers do with answers.
import { isIP } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "./refusal";

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Returns whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

/** Headers of every answer; the page has its own policy. */
export const HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** Adds the headers to an answer. */
export async function secureHeaders(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.headers(HEADERS);
}

/**
 * Returns a guard that refuses requests of other sites' pages:
 * - with another name that resolves to this machine (DNS rebinding): the Host must be a name of this machine
 * - posts from another origin, and everything that the browser marks as cross-site
 * @param host the address that the service listens on, as the user gave it
 * @throws Refusal (403)
 */
export function originGuard(host: string): (request: FastifyRequest) => Promise<void> {
  const names = new Set([...LOOPBACK_NAMES, isIP(host) === 6 ? `[${host}]` : host.toLowerCase()]);
  return async ({ headers, socket, method }) => {
    const name = hostName(headers.host);
    if (name === undefined || !(names.has(name) || isOwnAddress(name, socket.localAddress)))
      throw new Refusal(403, "this is not an address of this service: expected localhost in the Host header");
    const { origin } = headers;
    if (origin !== undefined && originHost(origin) !== headers.host)
      throw new Refusal(403, "requests from pages of another origin are refused");
    const site = headers["sec-fetch-site"];
    const isLink = method === "GET" && headers["sec-fetch-mode"] === "navigate";
    if (site !== undefined && site !== "same-origin" && site !== "none" && !isLink)
      throw new Refusal(403, "requests from pages of another site are refused");
  };
}

/** Returns the host without its port; undefined if it is malformed. */
function hostName(host: string | undefined): string | undefined {
  return /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.exec(host ?? "")?.[1]?.toLowerCase();
}

/** Returns whether the name is the address that the client connected to: nobody else's name can mean it. */
function isOwnAddress(name: string, localAddress: string | undefined): boolean {
  const address = localAddress?.replace(/^::ffff:/, "");
  return address !== undefined && (name === address || name === `[${address}]`);
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
