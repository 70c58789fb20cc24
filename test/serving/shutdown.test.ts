// Tests `guie serve` from start to end, in its own process.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { installPath } from "guie/dist/common/project";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { FORM_TYPE, formBody, makeTinyRun } from "./tiny_service";

const GUIE = installPath("lib/bin/guie.js");

/** Starts `guie serve` of a tiny run, and half of a request. */
async function serveHalfRequest(t: TestContext, ...more: string[]) {
  const tiny = await makeTinyRun(t);
  const file = (await readRetrievalFiles(tiny.dataDir))!.index.files[0]!;
  const body = formBody([{ bytes: readFileSync(join(tiny.dataDir, file)) }]);
  const args = [GUIE, "serve", "--model", tiny.run, "--port", "0", "--json", ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const service = { child, output: "", told: "", exited: once(child, "close") };
  child.stdout.on("data", (text) => (service.output += text));
  child.stderr.on("data", (text) => (service.told += text));
  while (!/http:\S+: open/.test(service.told) && child.exitCode === null) await sleep(20);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(service.told)?.[0];
  assert.ok(url, service.told);
  assert.match(service.told, /30 images of held-out classes of \S+, exact search/);

  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const client = { socket, rest: body.subarray(100), answer: "", closed: once(socket, "close") };
  socket.on("data", (text) => (client.answer += text));
  const head = `POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n`;
  socket.write(head);
  socket.write(body.subarray(0, 100));
  while ((await (await fetch(`${url}/health`)).json()).load.underWay === 0) await sleep(10);
  child.kill("SIGTERM");
  while (!service.told.includes("SIGTERM")) await sleep(10);
  return { service, client, url };
}

test("SIGTERM ends the service once the request under way is answered", async (t) => {
  const { service, client, url } = await serveHalfRequest(t);
  await assert.rejects(fetch(`${url}/health`), "it takes no more requests");
  client.socket.write(client.rest);
  await client.closed;
  assert.match(client.answer, /^HTTP\/1\.1 200 OK/);
  assert.match(client.answer, /"vectors":\[\[/);
  const [code] = await service.exited;
  assert.equal(code, 0, service.told);
  const { images, passes } = JSON.parse(service.output);
  assert.deepEqual([images, passes], [1, 1]);
});

test("the end waits a limited time for a request, and says what it drops", async (t) => {
  const { service, client } = await serveHalfRequest(t, "--drain-ms", "200");
  await client.closed;
  const [code] = await service.exited;
  assert.equal(code, 0, service.told);
  assert.match(service.told, /guie serve: after 0\.2 s, 1 request that was under way is dropped; --drain-ms/);
  assert.equal(JSON.parse(service.output).images, 0);
});

test("an unusable address, a missing run and invalid numbers are errors in words", async (t) => {
  const tiny = await makeTinyRun(t);
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [GUIE, "serve", ...args], { encoding: "utf8" });
  const missing = run("--model", "no-such-run");
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /there is no such run/);
  const odd = run("--model", tiny.run, "--max-batch", "0");
  assert.match(odd.stderr, /--max-batch takes a whole number from 1, got "0"/);
  const port = run("--model", tiny.run, "--port", "99999");
  assert.match(port.stderr, /Expected a port from 0 to 65535, got 99999/);
  const far = run("--model", tiny.run, "--host", "203.0.113.1", "--port", "0");
  assert.match(far.stderr, /The service cannot listen on 203\.0\.113\.1, port 0/);
});
