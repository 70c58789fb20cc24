// A server with the reading part of the Hugging Face hub's protocol: the commit of a revision, the files of a commit
// (in pages), and ranges of a file's bytes, behind a redirect to another server.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const PAGE = 2;
/** Files of at least this size are stored outside Git. */
const LFS_BYTES = 1000;
const XET = "application/vnd.xet-fileinfo+json";

/** A request to the hub or to its store. */
export interface HubRequest {
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** The server, with the behaviour that tests change. */
export interface HubServer {
  url: string;
  /** Requests so far; those to `store` are for the files' bytes. */
  requests: { hub: HubRequest[]; store: HubRequest[] };
  /** Changes an entry of the list of files before it is sent. */
  tamper: (entry: Record<string, unknown>) => Record<string, unknown>;
  /** Status of all answers, if defined. */
  refuseWith: number | undefined;
  /** Number of bytes after which each connection to the store is cut. */
  cutAfterBytes: number;
  /** The store's speed, bytes per second. */
  bytesPerSecond: number;
  /** Returns the bytes that the store sends for a file. */
  send: (path: string, content: Buffer) => Buffer;
  close(): void;
}

const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");
const gitSha1 = (content: Buffer) =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");

/** Returns an entry of the tree. */
function treeEntry(path: string, content: Buffer): Record<string, unknown> {
  const entry = { type: "file", path, size: content.length, oid: gitSha1(content) };
  if (content.length < LFS_BYTES) return entry;
  return { ...entry, lfs: { oid: sha256(content), size: content.length, pointerSize: 130 } };
}

/** Starts the hub with one repository. */
export async function startHub(repo: string, files: Record<string, Buffer>): Promise<HubServer> {
  const hub: HubServer = {
    url: "",
    requests: { hub: [], store: [] },
    tamper: (entry) => entry,
    refuseWith: undefined,
    cutAfterBytes: Number.POSITIVE_INFINITY,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    send: (_, content) => content,
    close: () => {
      for (const server of [front, store]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
  const note = (list: HubRequest[], { url, headers }: IncomingMessage) =>
    list.push({ path: url!, range: headers.range, authorization: headers.authorization });
  const store = createServer((request, response) => {
    note(hub.requests.store, request);
    const path = decodeURIComponent(request.url!.slice(1));
    void sendRange(hub, request, response, hub.send(path, files[path]!));
  });
  const storeUrl = await listen(store);
  const front = createServer((request, response) => {
    note(hub.requests.hub, request);
    const { pathname, searchParams } = new URL(request.url!, hub.url);
    if (hub.refuseWith) return json(response, { error: "no" }, hub.refuseWith);
    if (pathname === `/api/models/${repo}/revision/main`) {
      return json(response, { _id: "1", id: repo, sha: COMMIT, lastModified: "2026-01-01T00:00:00Z" });
    }
    if (pathname === `/api/models/${repo}/tree/${COMMIT}`) {
      const start = Number(searchParams.get("cursor") ?? 0);
      const entries = Object.entries(files).map(([path, content]) => hub.tamper(treeEntry(path, content)));
      const next = `${hub.url}${pathname}?cursor=${start + PAGE}`;
      if (start + PAGE < entries.length) response.setHeader("Link", `<${next}>; rel="next"`);
      return json(response, entries.slice(start, start + PAGE));
    }
    const path = decodeURIComponent(pathname.slice(`/${repo}/resolve/${COMMIT}/`.length));
    if (!pathname.startsWith(`/${repo}/resolve/${COMMIT}/`) || !(path in files)) {
      response.setHeader("X-Error-Code", "EntryNotFound");
      return json(response, { error: "not found" }, 404);
    }
    // Files in the store Xet: a client that accepts Xet gets the addresses of the pieces.
    if (request.headers.accept?.includes(XET) && files[path]!.length >= LFS_BYTES) {
      response.setHeader("X-Linked-Size", files[path]!.length);
      response.setHeader("X-Linked-ETag", `"${sha256(files[path]!)}"`);
      response.setHeader("X-Xet-Hash", sha256(files[path]!));
      const links = ["xet-auth", "xet-reconstruction-info"].map((rel) => `<${hub.url}/no-xet>; rel="${rel}"`);
      response.setHeader("Link", links.join(", "));
      return void response.writeHead(200, { "Content-Type": XET }).end("{}");
    }
    const location = `${storeUrl}/${encodeURIComponent(path)}`;
    response.writeHead(302, { Location: location, "X-Linked-Size": files[path]!.length }).end();
  });
  hub.url = await listen(front);
  return hub;
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

const CHUNK_BYTES = 2 ** 16;

async function sendRange(
  { cutAfterBytes, bytesPerSecond }: HubServer,
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
): Promise<void> {
  const [, from = "0", to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(from), to ? Number(to) + 1 : content.length];
  response.writeHead(request.headers.range ? 206 : 200, {
    "Content-Length": end - start,
    "Content-Range": `bytes ${start}-${end - 1}/${content.length}`,
    ETag: `"${sha256(content)}"`,
  });
  for (let at = start; at < end; at += CHUNK_BYTES) {
    if (at - start >= cutAfterBytes) return void response.destroy();
    const chunk = content.subarray(at, Math.min(end, at + CHUNK_BYTES));
    await new Promise((resolve) => response.write(chunk, resolve));
    const pauseMs = (1000 * CHUNK_BYTES) / bytesPerSecond;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  response.end();
}
