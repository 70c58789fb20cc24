// Clients that occupy a service, and checks that other clients are still answered.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import autocannon from "autocannon";
import { form, head } from "../serve_fuzz.mjs";
import { health, residentMB } from "../service_process.mjs";
import { largestImages, permittedScans, repeatedScans } from "./hostile_images.mjs";

/** Maximum time for another client's answer, also on a busy machine. */
const PATIENCE_MS = 30_000;
const CHUNKED = head(["Transfer-Encoding: chunked"], "");
const HALF_HEAD = "GET /health HTTP/1.1\r\nHost:";

function open(url, bytes) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.on("data", () => {});
  socket.write(bytes);
  return socket;
}

/**
 * Posts an image like an ordinary client.
 * @returns status, seconds, and the answer's error
 */
async function embed(url, image) {
  const beginMs = performance.now();
  const response = await fetch(`${url}/embed`, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=fuzz", connection: "close" },
    body: form(image),
    signal: AbortSignal.timeout(10 * PATIENCE_MS),
  });
  const { error } = await response.json();
  return { status: response.status, seconds: (performance.now() - beginMs) / 1000, error };
}

/** Checks that another client is answered during an attack. */
async function requireAnswer(url, image, what) {
  const { status, seconds } = await embed(url, image);
  assert.equal(status, 200, what);
  assert.ok(seconds < PATIENCE_MS / 1000, `${what}: ${seconds} s`);
  console.log(`${what}: another client is answered after ${seconds.toFixed(1)} s`);
}

/** Posts JPEGs of many scans; 16 clients post the slowest one that is still decoded, and hang up. */
export async function repeatedScansAttack({ url }, good) {
  const refused = await embed(url, await repeatedScans());
  assert.equal(refused.status, 422);
  console.log(`200 scans: 422 after ${refused.seconds.toFixed(1)} s: ${refused.error}`);
  const slow = form(await permittedScans());
  const sockets = Array.from({ length: 16 }, () => open(url, head([`Content-Length: ${slow.length}`], slow)));
  await sleep(1_000);
  for (const socket of sockets) socket.destroy();
  await requireAnswer(url, good, "16 slow images whose clients hung up");
}

/** Opens connections with missing bodies, with bodies of one byte at a time, and with half-sent heads. */
export async function idleAttack({ url }, good) {
  const kinds = {
    "60 chunked bodies without an end": { bytes: `${CHUNKED}1\r\n-\r\n`, count: 60, everyMs: 0 },
    "130 bodies of a byte each second": { bytes: `${CHUNKED}1\r\n-\r\n`, count: 130, everyMs: 1_000 },
    "600 half-sent heads": { bytes: HALF_HEAD, count: 600, everyMs: 0 },
  };
  for (const [what, { bytes, count, everyMs }] of Object.entries(kinds)) {
    const sockets = Array.from({ length: count }, () => open(url, bytes));
    const timer =
      everyMs > 0 && setInterval(() => sockets.map((socket) => socket.write("1\r\n-\r\n")), everyMs);
    await sleep(1_000);
    const { underWay } = (await health(url)).load;
    const beginMs = performance.now();
    let refused = 0;
    while ((await embed(url, good)).status !== 200) {
      assert.ok(performance.now() - beginMs < PATIENCE_MS, `${what}: other clients are not answered`);
      refused++;
      await sleep(250);
    }
    const seconds = ((performance.now() - beginMs) / 1000).toFixed(1);
    console.log(
      `${what}: another client is answered after ${seconds} s (${underWay} under way; refused ${refused} times before)`,
    );
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  }
}

/** Posts the largest images of each format, several at once; checks memory before, at its peak, and after. */
export async function memoryAttack({ url, child }, good) {
  const before = residentMB(child.pid);
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, residentMB(child.pid))), 50);
  for (const [format, image] of Object.entries(await largestImages())) {
    const answers = await Promise.all(Array.from({ length: 6 }, () => embed(url, image)));
    console.log(`6 of 32 megapixels, ${format}: ${answers.map(({ status }) => status).join(" ")}`);
  }
  clearInterval(timer);
  for (let i = 0; i < 20; i++) {
    await sleep(1_000);
    await embed(url, good);
  }
  const after = residentMB(child.pid);
  console.log(
    `memory MB: ${Math.round(before)} before, ${Math.round(most)} at most, ${Math.round(after)} after`,
  );
  assert.ok(after < before + 350, "memory is freed");
}

/** Sends many requests of every kind. */
export async function manyRequests({ url }, good, amount) {
  const post = (path) => ({
    method: "POST",
    path,
    headers: { "content-type": "multipart/form-data; boundary=fuzz" },
    body: form(good),
  });
  const get = (path) => ({ method: "GET", path });
  const requests = [post("/search?k=12"), get("/similar/3"), get("/image/5"), get("/health"), post("/embed")];
  const times = [];
  const running = autocannon({ url, connections: 16, amount, requests, timeout: 60 });
  running.on("response", (_client, _status, _bytes, timeMs) => times.push(timeMs));
  const { errors, timeouts, non2xx, duration } = await running;
  times.sort((a, b) => a - b);
  const percentile = (share) => Math.round(times[Math.floor(share * (times.length - 1))]);
  console.log(
    `${times.length} requests in ${Math.round(duration)} s: p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`,
  );
  assert.deepEqual({ errors, timeouts, non2xx }, { errors: 0, timeouts: 0, non2xx: 0 });
}

/** Sends SIGTERM while a body is missing and slow images are decoded. */
export async function endAttack(service, drainMs) {
  const slow = form(await permittedScans());
  for (let i = 0; i < 4; i++) open(service.url, head([`Content-Length: ${slow.length}`], slow));
  open(service.url, CHUNKED);
  while ((await health(service.url)).load.underWay < 5) await sleep(50);
  const beginMs = performance.now();
  service.child.kill("SIGTERM");
  const [code] = await service.closed;
  const seconds = (performance.now() - beginMs) / 1000;
  console.log(`SIGTERM under attack: ended after ${seconds.toFixed(1)} s with ${code}`);
  assert.equal(code, 0, service.log);
  assert.ok(seconds < drainMs / 1000 + 15, `the end took ${seconds} s`);
}
