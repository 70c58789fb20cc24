// Who may ask, and what browsers may do with the answers.
import { isIP } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "./refusal";

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Whether an address is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}

/** Sent with every answer; the page brings a policy of its own. */
export const HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** Adds the headers. */
export async function secureHeaders(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.headers(HEADERS);
}

/**
 * Refuses requests that another site's page makes:
 * - under another name that was made to mean this machine (DNS rebinding): the Host must be a name of this one
 * - posts from another origin, and whatever the browser itself says is cross-site
 * @param host the address that was named to listen on
 * @throws Refusal (403)
 */
export function originGuard(host: string): (request: FastifyRequest) => Promise<void> {
  const names = new Set([...LOOPBACK_NAMES, isIP(host) === 6 ? `[${host}]` : host.toLowerCase()]);
  return async ({ headers, socket, method }) => {
    const name = hostName(headers.host);
    if (name === undefined || !(names.has(name) || isOwnAddress(name, socket.localAddress)))
      throw new Refusal(403, "this address is none of this service's: expected localhost in the Host header");
    const { origin } = headers;
    if (origin !== undefined && originHost(origin) !== headers.host)
      throw new Refusal(403, "a page of another origin may not ask");
    const site = headers["sec-fetch-site"];
    const isLink = method === "GET" && headers["sec-fetch-mode"] === "navigate";
    if (site !== undefined && site !== "same-origin" && site !== "none" && !isLink)
      throw new Refusal(403, "a page of another site may not ask");
  };
}

/** Without the port; undefined for what is no host. */
function hostName(host: string | undefined): string | undefined {
  return /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.exec(host ?? "")?.[1]?.toLowerCase();
}

/** The address to which the client connected: nobody else's name can mean it. */
function isOwnAddress(name: string, localAddress: string | undefined): boolean {
  const address = localAddress?.replace(/^::ffff:/, "");
  return address !== undefined && (name === address || name === `[${address}]`);
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
