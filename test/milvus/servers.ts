// Servers for tests: the real Milvus Lite, and servers that answer every request by one gRPC status, or not at all.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer as createHttp2 } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { installPath } from "guie/dist/common/project";
import { connectMilvus } from "guie/dist/milvus/connection";
import { temporaryFolder } from "../folders";

const LITE = installPath(".cache/peers/milvus/bin/milvus-lite");

/** Why tests with a real server are skipped; false where there is one. */
export const NO_SERVER = existsSync(LITE) ? false : "Milvus Lite is not installed: npm run milvus:setup";

/** Starts Milvus Lite until the test ends. @returns its address: milvus://127.0.0.1:PORT */
export async function startMilvus(t: TestContext): Promise<string> {
  const port = await freePort();
  const args = ["server", "--data-dir", temporaryFolder(t), "--host", "127.0.0.1", "--port", String(port)];
  const server = spawn(LITE, args, { stdio: "ignore" });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  t.after(async () => {
    server.kill("SIGKILL");
    await ended;
  });
  const url = `milvus://127.0.0.1:${port}`;
  const connection = await connectMilvus(`${url}/any`, { timeoutMs: 5000, retries: 8, pauseMs: 500 });
  await connection.close();
  return url;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { port } = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a gRPC server that answers all requests by one status. @returns its address, with a collection */
export async function answering(t: TestContext, status: number, message: string): Promise<string> {
  const server = createHttp2();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    const headers = { ":status": 200, "content-type": "application/grpc", "grpc-status": String(status) };
    stream.respond({ ...headers, "grpc-message": encodeURI(message) }, { endStream: true });
  });
  return addressOf(t, server as unknown as Server);
}

/** Starts a server that takes connections and never says a word. */
export function silent(t: TestContext): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {}).resume();
  });
  return addressOf(t, server);
}

/** Starts a server that speaks HTTP/1. */
export function webServer(t: TestContext): Promise<string> {
  return addressOf(
    t,
    createServer((socket) => {
      socket.on("error", () => {}).resume();
      socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    }),
  );
}

async function addressOf(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  const { port } = await listening(server);
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy(); // gRPC gives up one that never answers after minutes only
  });
  return `milvus://127.0.0.1:${port}/photos`;
}

async function listening(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server.address() as AddressInfo;
}
