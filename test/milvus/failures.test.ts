// Tests the messages for addresses that are none, and for servers that are down, slow, full, of another version, or
// refuse the token; the token is in none of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserError } from "guie/dist/common/errors";
import { isMilvus, parseMilvus } from "guie/dist/milvus/address";
import { connectMilvus } from "guie/dist/milvus/connection";
import { mayPass, RefusedByMilvus } from "guie/dist/milvus/failures";
import { IN_MILVUS } from "guie/dist/milvus/search";
import { requirePlainSearch } from "guie/dist/retrieval/stored_index";
import { answering, silent, webServer } from "./servers";

const TOKEN = "root:open-sesame";
const ONCE = { timeoutMs: 1500, retries: 0, pauseMs: 1 };

/** Returns the message of a connection that fails. */
async function messageOf(url: string): Promise<string> {
  process.env.GUIE_MILVUS_TOKEN = TOKEN;
  try {
    await connectMilvus(url, ONCE);
  } catch (error) {
    assert.equal((error as Error).name, "UserError", String((error as Error).stack));
    const { message, cause } = error as UserError;
    assert.equal(cause, undefined); // it would hold the request's metadata
    for (const secret of ["sesame", Buffer.from(TOKEN).toString("base64")])
      assert.ok(!message.includes(secret), message);
    return message;
  } finally {
    delete process.env.GUIE_MILVUS_TOKEN;
  }
  throw new Error("it has connected");
}

test("an address names server and collection; a password in it is refused and not repeated", () => {
  const { server, collection, tls, url } = parseMilvus("milvus://10.0.0.7/photos");
  assert.deepEqual(
    [server, collection, tls, url],
    ["10.0.0.7:19530", "photos", false, "milvus://10.0.0.7:19530/photos"],
  );
  assert.ok(parseMilvus("milvuss://host:443/a_b").tls);
  assert.deepEqual(
    [isMilvus("milvus://x/y"), isMilvus("photos/milvus"), isMilvus(undefined)],
    [true, false, false],
  );
  for (const text of [
    "milvus://host",
    "milvus://host/",
    "milvus://host/a/b",
    "milvus:///c",
    "milvus://host/1a",
  ])
    assert.throws(() => parseMilvus(text), /Expected milvus:\/\/HOST:PORT\/COLLECTION/, text);
  const secret = () => parseMilvus("milvus://root:sesame@host/photos");
  assert.throws(
    secret,
    (error: Error) => /GUIE_MILVUS_TOKEN/.test(error.message) && !/sesame/.test(error.message),
  );
});

test("a server that is down, silent, no Milvus, full, or refuses the token: each has its message", async (t) => {
  assert.match(
    await messageOf("milvus://127.0.0.1:1/photos"),
    /cannot connect: no Milvus answers at 127\.0\.0\.1:1 /,
  );
  assert.match(await messageOf(await silent(t)), /did not answer in time/);
  assert.match(await messageOf(await webServer(t)), /Next: Is it (running|Milvus)/);
  assert.match(await messageOf(await answering(t, 12, "unknown service")), /is no Milvus that this client/);
  assert.match(await messageOf(await answering(t, 8, "memory quota exceeded")), /full or limits requests/);
  const refused = await messageOf(await answering(t, 16, `auth check failure: ${TOKEN} is not a user`));
  assert.match(refused, /refuses the token \(auth check failure: \*\*\* is not a user\)/);
  assert.match(refused, /GUIE_MILVUS_TOKEN=NAME:PASSWORD/);
});

test("what passes is tried again, and what does not is not", () => {
  const refused = (code: number, reason: string) =>
    new RefusedByMilvus({ error_code: "UnexpectedError", code, reason });
  assert.ok(mayPass(refused(8, "rate limit exceeded")));
  assert.ok(mayPass(refused(9, "disk quota exceeded")));
  assert.ok(mayPass(Object.assign(new Error("down"), { code: 14 })));
  assert.ok(!mayPass(refused(1100, "invalid dimension")));
  assert.ok(!mayPass(Object.assign(new Error("no"), { code: 16 })));
});

test("what a collection cannot do is refused, not ignored", () => {
  requirePlainSearch({ whiten: false, rerank: [], approximate: false, source: {} }, IN_MILVUS);
  const all = {
    whiten: true,
    rerank: ["dba"],
    approximate: true,
    classNames: "c.csv",
    source: { root: "x" },
  };
  assert.throws(
    () => requirePlainSearch(all, IN_MILVUS),
    /whitening.*re-ranking \(dba\).*an approximate search.*names.*settings/,
  );
});
