// Tests refusals of malformed, too large and foreign requests: an answer with a reason, no files, and a service that goes on.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32, deflateSync } from "node:zlib";
import { installPath } from "guie/dist/common/project";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import sharp from "sharp";
import { manyScans } from "../images/make";
import { FORM_TYPE, type FormFile, formBody, makeTinyRun, post, startService } from "./tiny_service";

const [MAX_BYTES, MAX_PIXELS] = [200_000, 1_000_000];

async function started(t: TestContext, options = {}) {
  const tiny = await makeTinyRun(t);
  const file = (await readRetrievalFiles(tiny.dataDir))!.index.files[0]!;
  const service = await startService(t, tiny, {
    maxBytes: MAX_BYTES,
    maxPixels: MAX_PIXELS,
    maxImages: 4,
    ...options,
  });
  return { tiny, ...service, good: readFileSync(join(tiny.dataDir, file)) };
}

/** Makes a PNG whose header says 60,000 x 60,000 pixels, in a few bytes. */
function pngBomb(): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(60_000, 0);
  head.writeUInt32BE(60_000, 4);
  head.set([8, 2], 8);
  const data = deflateSync(Buffer.alloc(10_000_000));
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

/** Lists all files below folders. */
function listing(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
  );
}

test("malformed uploads get a 4xx with a reason, and leave nothing behind", async (t) => {
  const { url, good, tiny } = await started(t);
  const large = await sharp({ create: { width: 1200, height: 1200, channels: 3, background: "#fff" } })
    .png()
    .toBuffer();
  const corrupt = Buffer.from(good);
  corrupt.fill(0xff, 400, 420);
  const cases: [string, FormFile[], number, RegExp][] = [
    ["a truncated JPEG", [{ bytes: good.subarray(0, good.length >> 1) }], 422, /^truncated or corrupt jpeg$/],
    ["a corrupt JPEG", [{ bytes: corrupt }], 422, /^truncated or corrupt jpeg$/],
    ["text that is called .jpg", [{ bytes: "hello" }], 415, /^file 1 is not an image/],
    ["an empty file", [{ bytes: "" }], 400, /^file 1 is empty$/],
    ["a script that is drawn", [{ bytes: "<svg xmlns='http://www.w3.org/2000/svg'/>" }], 415, /SVG/],
    ["1.4 megapixels", [{ bytes: large }], 422, /^more than 1000000 pixels$/],
    ["a JPEG of repeated scans", [{ bytes: await manyScans(90, 60, 101) }], 422, /^a JPEG of \d+ scans/],
    ["a video", [{ bytes: "\0\0\0\x18ftypmp42" }], 415, /^file 1 is a video, which is not read$/],
    ["a bomb", [{ bytes: pngBomb() }], 422, /^more than 1000000 pixels$/],
    ["NUL in a name", [{ bytes: good, name: "a\0.jpg" }], 400, /path or a control character/],
    ["a path as a name", [{ bytes: good, name: "../../etc/passwd" }], 400, /path or a control character/],
    ["a Windows path", [{ bytes: good, name: "C:\\x.jpg" }], 400, /path or a control character/],
    ["a huge body", [{ bytes: Buffer.alloc(MAX_BYTES) }], 413, /^more than 200000 bytes$/],
    ["many files", Array(6).fill({ bytes: good }), 413, /^more than 4 images/],
    ["no file", [], 400, /no file|Unexpected end/],
    ["a name of JavaScript's own", [{ bytes: good, field: "__proto__" }], 400, /prototype/],
    ["the second of two files", [{ bytes: good }, { bytes: "hello" }], 415, /^file 2 is not/],
  ];
  const temporaries = () =>
    readdirSync(tmpdir()).filter((name) => /upload|multipart|busboy|\.(jpe?g|png|webp)$/i.test(name));
  const present = () => [...listing(tiny.dataDir, tiny.run), ...readdirSync(installPath()), ...temporaries()];
  const before = present();
  for (const [what, files, status, reason] of cases) {
    const answer = await post(`${url}/embed`, files);
    assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`);
    assert.match(answer.body.error, reason, what);
  }
  const two = await post(`${url}/search`, [{ bytes: good }, { bytes: good }]);
  assert.deepEqual([two.status, two.body.error], [413, "more than 1 image in a request"]);
  assert.deepEqual(present(), before);
  assert.equal((await post(`${url}/embed`, [{ bytes: good }])).status, 200);
});

test("a bad form, route or row gets a 4xx with a reason", async (t) => {
  const { url, good } = await started(t);
  const form = { method: "POST", headers: { "content-type": FORM_TYPE } };
  const cases: [string, RequestInit, number][] = [
    [
      "/embed",
      { method: "POST", body: new Uint8Array(good), headers: { "content-type": "image/jpeg" } },
      415,
    ],
    ["/embed", { method: "POST", body: "{}", headers: { "content-type": "application/json" } }, 415],
    ["/embed", { method: "POST" }, 415],
    ["/embed", { ...form, headers: { "content-type": "multipart/form-data" }, body: "x" }, 400],
    ["/embed", { ...form, body: "no form at all" }, 400],
    ["/embed", { ...form, body: formBody([{ bytes: good }]).subarray(0, 400) }, 400],
    ["/embed?k=3", { ...form, body: formBody([{ bytes: good }]) }, 400],
    ["/search?k=0", { ...form, body: formBody([{ bytes: good }]) }, 400],
    ["/search?k=101", { ...form, body: formBody([{ bytes: good }]) }, 400],
    ["/search?k=1&k=2", { ...form, body: formBody([{ bytes: good }]) }, 400],
    ["/search?other=1", { ...form, body: formBody([{ bytes: good }]) }, 400],
    ["/image/30", {}, 404],
    ["/image/-1", {}, 404],
    ["/image/1e1", {}, 404],
    ["/image/..%2f..%2fetc%2fpasswd", {}, 404],
    ["/image/%00", {}, 404],
    ["/similar/30", {}, 404],
    ["/elsewhere", {}, 404],
    ["/embed", { method: "PUT", body: "x" }, 404],
  ];
  for (const [path, init, status] of cases) {
    const response = await fetch(url + path, init);
    const { error } = (await response.json()) as { error: string };
    if (path.includes("?k=") && path !== "/embed?k=3")
      assert.match(error, /: k: expected one whole number from 1 to 100$/);
    assert.equal(response.status, status, `${init.method ?? "GET"} ${path}: ${error}`);
    assert.ok(error.length > 10, `${path}: ${error}`);
  }
  assert.equal((await post(`${url}/embed`, [{ bytes: good }])).status, 200);
});

/** Sends a request with headers that `fetch` does not allow; returns the status. */
function ask(
  url: string,
  path: string,
  method: string,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode!));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

test("requests from other sites' pages are refused: Host, Origin, Sec-Fetch-Site", async (t) => {
  const { url, good } = await started(t);
  const { host, port } = new URL(url);
  const body = formBody([{ bytes: good }]);
  const search = (headers: Record<string, string>) =>
    ask(
      url,
      "/search",
      "POST",
      { "content-type": FORM_TYPE, "content-length": String(body.length), ...headers },
      body,
    );
  assert.equal(await search({ origin: url }), 200);
  assert.equal(await search({ origin: `http://localhost:${port}`, host: `localhost:${port}` }), 200);
  assert.equal(await search({ origin: "http://evil.example" }), 403);
  assert.equal(await search({ origin: "null" }), 403);
  assert.equal(await search({ origin: "http://127.0.0.1:1" }), 403);
  assert.equal(await search({ "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await search({ host: `evil.example:${port}`, origin: `http://evil.example:${port}` }), 403);
  for (const name of ["evil.example", `127.0.0.1.evil.example:${port}`, "[::1", "10.0.0.1"])
    assert.equal(await ask(url, "/health", "GET", { host: name }), 403, name);
  assert.equal(await ask(url, "/image/0", "GET", { host, "sec-fetch-site": "same-site" }), 403);
  const link = { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  assert.equal(await ask(url, "/", "GET", link), 200, "a link to the page is harmless");
});

test("beyond its limits the service answers 503 with Retry-After; a client that hangs up makes room", async (t) => {
  const { url, health, good } = await started(t, { maxUnderWay: 2 });
  const { port } = new URL(url);
  const underWay = () => (health().load as { underWay: number }).underWay;
  const head = `POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM_TYPE}\r\nContent-Length: 5000\r\n\r\n------tiny`;
  const slow = [0, 1].map(() =>
    connect(Number(port), "127.0.0.1", function (this: ReturnType<typeof connect>) {
      this.write(head);
    }),
  );
  while (underWay() < 2) await sleep(5);
  const refused = await post(`${url}/embed`, [{ bytes: good }]);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  assert.match(refused.body.error, /try again/);
  for (const socket of slow) socket.destroy();
  while (underWay() > 0) await sleep(5);
  assert.equal((await post(`${url}/embed`, [{ bytes: good }])).status, 200);
});
