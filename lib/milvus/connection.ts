// A connection to a Milvus server: its official client, with time limits, retries and messages.
import { setTimeout as sleep } from "node:timers/promises";
import type { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { checkInterrupt } from "../common/interrupt";
import { type MilvusAddress, parseMilvus } from "./address";
import { type AnswerStatus, mayPass, milvusFailure, RefusedByMilvus } from "./failures";

/** How long, and how often, a request is tried. */
export interface MilvusLimits {
  /** Time limit of a request. */
  timeoutMs?: number;
  /** Further attempts after one that may pass: server down, slow or full. */
  retries?: number;
  /** Pause before the first of them; each next one is twice as long. */
  pauseMs?: number;
}

/** Limits of a search, for which somebody waits. */
export const SEARCH_LIMITS = { timeoutMs: 15_000, retries: 2, pauseMs: 250 } as const;
/** Limits of a push, which may wait for a busy server: 0.5 + 1 + ... + 16 s. */
export const PUSH_LIMITS = { timeoutMs: 60_000, retries: 6, pauseMs: 500 } as const;

/** An open connection. */
export interface MilvusConnection {
  address: MilvusAddress;
  /**
   * Sends a request, again after growing pauses if its failure may pass: requests must give the same result when sent
   * twice.
   * @param what the request in words: "search the collection"
   * @throws UserError with the reason
   */
  call<T extends object>(what: string, request: (client: MilvusClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Connects to the server of an address, milvus://host:port/collection. The token is that of GUIE_MILVUS_TOKEN.
 * @throws UserError for another form, or if the server is down, slow, of another version, or refuses the token
 * @example
 * const connection = await connectMilvus("milvus://127.0.0.1:19530/photos"); await connection.close();
 */
export async function connectMilvus(text: string, limits: MilvusLimits = {}): Promise<MilvusConnection> {
  const address = parseMilvus(text);
  const token = process.env.GUIE_MILVUS_TOKEN ?? "";
  const { timeoutMs, retries, pauseMs } = { ...SEARCH_LIMITS, ...limits };
  const sdk = await import("@zilliz/milvus2-sdk-node"); // a second to load
  const client = new sdk.MilvusClient({
    address: address.server,
    ssl: address.tls,
    timeout: timeoutMs,
    maxRetries: 0,
    logLevel: "error",
    ...(token === "" ? {} : { token }),
  });
  client.connectPromise.catch(() => {}); // awaited by every request
  const call: MilvusConnection["call"] = async (what, request) => {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await request(client);
        requireSuccess(answer);
        return answer;
      } catch (error) {
        if (attempt >= retries || !mayPass(error)) throw milvusFailure(address, what, error, token);
      }
      await sleep(pauseMs * 2 ** attempt);
      await checkInterrupt();
    }
  };
  const close = () => closeClient(client);
  try {
    await call("connect", () => {
      client.connect(sdk.MilvusClient.sdkInfo.version ?? ""); // a first attempt that failed would be remembered
      return client.getVersion();
    });
    return { address, call, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Closes a client and its channels. The client's own end asks each closed channel for its state in a way that opens it
 * anew, so each is closed once more.
 */
async function closeClient(client: MilvusClient): Promise<void> {
  const { channelPool } = client;
  await client.connectPromise.catch(() => {}); // it holds a channel
  const free = Array.from({ length: channelPool.available }, () => channelPool.acquire());
  const channels = await Promise.all(free);
  await Promise.all(channels.map((channel) => channelPool.release(channel)));
  await client.closeConnection();
  for (const channel of channels) channel.close();
}

/** Throws if a request failed. An empty answer is how the client reports a request that the server does not know. */
function requireSuccess(answer: object): void {
  const status = ("status" in answer ? answer.status : answer) as Partial<AnswerStatus>;
  if (status.error_code === undefined)
    throw Object.assign(new Error("it does not know this request"), { code: 12 });
  if (status.error_code === "Success" || status.error_code === 0) return;
  throw new RefusedByMilvus(status as AnswerStatus);
}
