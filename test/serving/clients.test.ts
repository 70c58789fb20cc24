// Tests clients that hold places: idle, slow, gone, too many from one address. Limits are small to keep this short.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { clientAddress, shareKey, shareOf } from "guie/dist/serving/limits/addresses";
import { Admission } from "guie/dist/serving/limits/admission";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { FORM_TYPE, formBody, makeTinyRun, post, startService } from "./tiny_service";

async function started(t: TestContext, options = {}) {
  const tiny = await makeTinyRun(t);
  const { files } = (await readRetrievalFiles(tiny.dataDir))!.index;
  const service = await startService(t, tiny, options);
  const paths = [...files].map((file) => join(tiny.dataDir, file));
  return { ...service, paths, good: readFileSync(paths[0]!) };
}

/** Opens a connection that collects its answer. */
function open(t: TestContext, url: string, bytes: string | Buffer) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  const heard = { text: "", socket, closed: new Promise((resolve) => socket.once("close", resolve)) };
  socket.on("data", (data) => (heard.text += data.toString("latin1")));
  socket.on("error", () => {});
  socket.write(bytes);
  return heard;
}

const chunkedHead = (...lines: string[]) =>
  ["POST /embed HTTP/1.1", "Host: localhost", `Content-Type: ${FORM_TYPE}`, "Transfer-Encoding: chunked"]
    .concat(lines, "", "")
    .join("\r\n");

test("bodies count by the bytes that have come: many idle ones leave room for others", async (t) => {
  const { url, health, good } = await started(t, { maxBytes: 100_000 });
  const load = () => health().load as { underWay: number; bodyBytes: number };
  const idle = Array.from({ length: 40 }, () => open(t, url, `${chunkedHead()}1\r\n-\r\n`));
  while (load().underWay < idle.length) await sleep(5);
  assert.equal(load().bodyBytes, 0, "no file has begun");
  assert.equal((await post(`${url}/embed`, [{ bytes: good }])).status, 200);

  const [file] = formBody([{ bytes: Buffer.alloc(5_000) }])
    .toString("latin1")
    .split("\r\n--");
  const begun = open(t, url, `${chunkedHead()}${(5_150).toString(16)}\r\n${file!.slice(0, 5_000)}`);
  while (load().bodyBytes === 0) await sleep(5);
  assert.ok(load().bodyBytes <= 5_000);
  begun.socket.destroy();
  while (load().bodyBytes > 0) await sleep(5);
});

test("a body that comes too slowly gets a 408, and its connection is ended", async (t) => {
  const { url, health } = await started(t, { minBytesPerSecond: 1_000, windowMs: 300 });
  const slow = open(t, url, `${chunkedHead()}1\r\n-\r\n`);
  await slow.closed;
  assert.match(slow.text, /^HTTP\/1\.1 408 [\s\S]*"the body comes too slowly: at least 1000 bytes a second"/);
  assert.equal((health().load as { underWay: number }).underWay, 0);
});

test("half a head gets a 408; beyond the limit, the connection that has been idle longest makes room", async (t) => {
  const late = await started(t, { headMs: 200 });
  const half = open(t, late.url, "GET /health HTTP/1.1\r\nHost:");
  await half.closed;
  assert.match(half.text, /^HTTP\/1\.1 408 [\s\S]*\{"error":"the request took too long to come"\}$/);

  const { url } = await started(t, { maxConnections: 4 });
  const idle = [];
  for (let i = 0; i < 4; i++) {
    const next = open(t, url, "GET /health HTTP/1.1\r\nHost:");
    await once(next.socket, "connect");
    idle.push(next);
  }
  const asked = open(t, url, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  while (!asked.text.includes('"status":"ok"')) await sleep(5);
  await idle[0]!.closed;
  assert.deepEqual(
    idle.map(({ socket }) => socket.closed),
    [true, false, false, false],
  );
});

test("if all connections are busy, one more gets a 503", async (t) => {
  const { url, health } = await started(t, { maxConnections: 2 });
  const busy = [0, 1].map(() => open(t, url, chunkedHead()));
  while ((health().load as { underWay: number }).underWay < 2) await sleep(5);
  const refused = open(t, url, "");
  await refused.closed;
  assert.match(
    refused.text,
    /^HTTP\/1\.1 503 [\s\S]*\{"error":"too many connections: try again in a moment"\}$/,
  );
  for (const { socket } of busy) assert.equal(socket.closed, false);
});

test("an address has a share of requests and bytes, this machine has all; a proxy's header counts only if trusted", async (t) => {
  const admission = new Admission({ requests: 8, bytes: 800, bodyBytes: 300 });
  const enter = (address: string, bytes: number) => {
    let leave = () => {};
    const left = new Promise<void>((resolve) => (leave = resolve));
    const done = admission.enter(address, async (hold) => {
      hold(bytes);
      await left;
    });
    return { leave, done };
  };
  const two = [enter("203.0.113.1", 100), enter("203.0.113.1", 150)];
  await assert.rejects(enter("203.0.113.1", 0).done, { status: 429, message: /your address/ });
  two[1]!.leave();
  await two[1]!.done;
  await assert.rejects(
    enter("203.0.113.1", 201).done,
    { status: 429 },
    "the share is at least the largest body, 300 bytes",
  );
  const local = Array.from({ length: 7 }, () => enter("127.0.0.1", 100));
  await assert.rejects(enter("203.0.113.2", 0).done, { status: 503 });
  assert.deepEqual(admission.load, { underWay: 8, bodyBytes: 800, refused: 3 });
  for (const one of [two[0]!, ...local]) {
    one.leave();
    await one.done;
  }
  assert.deepEqual(admission.load, { underWay: 0, bodyBytes: 0, refused: 3 });

  assert.deepEqual(
    [shareOf("127.0.0.1", 128), shareOf("::1", 128), shareOf("10.0.0.9", 128)],
    [128, 128, 32],
  );
  assert.equal(shareOf("10.0.0.9", 100, 60), 60);
  assert.deepEqual(
    ["::ffff:10.1.2.3", "2001:db8:1:2:3:4:5:6", "2001:db8::9", "::1", undefined].map((address) =>
      shareKey(address),
    ),
    ["10.1.2.3", "2001:db8:1:2::/64", "2001:db8:0:0::/64", "::1", "unknown"],
  );
  const request = (forwarded?: string) =>
    ({
      headers: { "x-forwarded-for": forwarded },
      raw: { socket: { remoteAddress: "10.0.0.1" } },
    }) as unknown as FastifyRequest;
  assert.equal(clientAddress(request("1.1.1.1, 203.0.113.7")), "10.0.0.1");
  assert.equal(clientAddress(request("1.1.1.1, 203.0.113.7"), "X-Forwarded-For"), "203.0.113.7");
  assert.equal(clientAddress(request(), "X-Forwarded-For"), "10.0.0.1");

  const { url, health } = await started(t, { maxUnderWay: 4, trustHeader: "X-Forwarded-For" });
  const slow = open(t, url, chunkedHead("X-Forwarded-For: 127.0.0.1, 203.0.113.7"));
  while ((health().load as { underWay: number }).underWay < 1) await sleep(5);
  const statusFor = async (address: string) =>
    (await post(`${url}/embed`, [], { "x-forwarded-for": address })).status;
  assert.deepEqual([await statusFor("203.0.113.7"), await statusFor("203.0.113.8")], [429, 400]);
  slow.socket.destroy();
});

test("an index image that has become a named pipe blocks neither a thread nor the shutdown", async (t) => {
  const { url, paths } = await started(t);
  rmSync(paths[0]!);
  execFileSync("mkfifo", [paths[0]!]);
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`${url}/image/0`);
    assert.deepEqual([response.status, await response.json()], [422, { error: "a named pipe, not a file" }]);
  }
  assert.equal((await fetch(`${url}/image/1`)).status, 200);
});
