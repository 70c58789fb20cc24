// Sends malformed uploads, generated from one seed: damaged images of four formats, and invalid HTTP.
import { createRequire } from "node:module";
import { connect } from "node:net";
import sharp from "sharp";

const require = createRequire(import.meta.url);
const { randomStream } = require("guie/dist/common/random");

const CONCURRENT = 8;
const BOUNDARY = "fuzz";
/** Patience for an upload, which gets an answer, and for garbage: half a request may wait a minute for the rest. */
const [UPLOAD_PATIENCE_MS, GARBAGE_PATIENCE_MS] = [30_000, 1_000];

/** Ways to damage an image: name -> (bytes, random stream, another image's bytes) -> bytes. */
export const DAMAGE = {
  cut: (bytes, random) => bytes.subarray(0, random.integer(0, bytes.length - 1)),
  flip: (bytes, random) => withBytes(bytes, random, random.integer(1, 60), 0),
  header: (bytes, random) => withBytes(bytes, random, random.integer(1, 12), bytes.length - 64),
  hole: (bytes, random) => {
    const start = random.integer(0, bytes.length - 1);
    return Buffer.from(bytes).fill(0, start, Math.min(bytes.length, start + random.integer(1, 2000)));
  },
  splice: (bytes, random, other) =>
    Buffer.concat([
      bytes.subarray(0, random.integer(8, bytes.length)),
      other.subarray(random.integer(0, other.length)),
    ]),
  noise: (bytes, random) => Buffer.concat([bytes.subarray(0, 24), noise(random, random.integer(0, 5000))]),
  size: (bytes, random) => {
    const changed = Buffer.from(bytes); // the position of the size in PNG and GIF, of other fields in other formats
    for (let at = 6; at < 10; at++) changed[at] = random.integer(0, 255);
    changed.writeUInt32BE(random.integer(0, 2 ** 31 - 1), 16);
    return changed;
  },
};

/** Invalid or misleading requests: name -> (random stream, an image's bytes) -> bytes of a connection. */
const GARBAGE = {
  noise: (random) => noise(random, random.integer(1, 3000)),
  verb: (random) => `${noise(random, 5).toString("latin1")} /embed HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  shortBody: (_random, bytes) => head(["Content-Length: 100000"], form(bytes)),
  longBody: (_random, bytes) => head(["Content-Length: 10"], form(bytes)),
  twoLengths: () => head(["Content-Length: 5", "Content-Length: 6"], "hello"),
  minusLength: () => head(["Content-Length: -1"], "hello"),
  hugeLength: () => head(["Content-Length: 99999999999999"], "hello"),
  chunks: (random) => head(["Transfer-Encoding: chunked"], noise(random, 400)),
  hugeChunk: () => head(["Transfer-Encoding: chunked"], "FFFFFFFFFFFFFFFF\r\nx"),
  smuggled: (_random, bytes) => head(["Transfer-Encoding: chunked", "Content-Length: 4"], form(bytes)),
  longHead: () => head([`X-Long: ${"x".repeat(40_000)}`], ""),
  manyHeads: () =>
    head(
      Array.from({ length: 3000 }, (_, i) => `X-${i}: 1`),
      "",
    ),
  noBoundary: (_random, bytes) => head([`Content-Length: ${bytes.length}`], bytes, "multipart/form-data"),
  oddBoundary: (random) =>
    head(
      ["Content-Length: 5"],
      "hello",
      `multipart/form-data; boundary=${"b".repeat(random.integer(71, 900))}`,
    ),
  partHeads: (random) =>
    bodyOf(`--${BOUNDARY}\r\n${noise(random, 300).toString("latin1")}\r\n\r\nx\r\n--${BOUNDARY}--`),
  manyParts: () =>
    bodyOf(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nx\r\n`.repeat(500),
    ),
  manyFields: () =>
    bodyOf(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n`.repeat(500)),
  longName: () => bodyOf(form(Buffer.from("x"), "n".repeat(20_000))),
  path: (random) =>
    `GET /image/${encodeURIComponent(noise(random, 30).toString("latin1"))} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  rectangle: (random, bytes) =>
    searchOf(`rectangle=${encodeURIComponent(noise(random, 30).toString("latin1"))}`, bytes),
  rectangles: (random, bytes) =>
    searchOf(`together=1${"&rectangle=0,0,1,1".repeat(random.integer(2, 500))}`, bytes),
  thinRectangle: (_random, bytes) => searchOf("rectangle=0.5,0,0.50000000000000001,1", bytes),
  reload: (random) => reloadOf(["Content-Length: 300"], noise(random, 300)),
  reloadForm: (_random, bytes) => reloadOf([`Content-Length: ${form(bytes).length}`], form(bytes)),
  reloadChunks: (random) => reloadOf(["Transfer-Encoding: chunked"], noise(random, 200)),
  reloadBare: () => "POST /reload HTTP/1.1\r\nHost: localhost\r\n\r\n",
  rawPath: () => "GET /image/../../etc/passwd\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
};

const noise = (random, length) => Buffer.from(Array.from({ length }, () => random.integer(0, 255)));

/** Returns a copy with `count` random bytes; the last `keepFromEnd` bytes stay. */
function withBytes(bytes, random, count, keepFromEnd) {
  const changed = Buffer.from(bytes);
  const end = Math.max(1, bytes.length - keepFromEnd);
  for (let i = 0; i < count; i++) changed[random.integer(0, end - 1)] = random.integer(0, 255);
  return changed;
}

/** Returns a multipart body with one image. */
export function form(bytes, name = "image.jpg") {
  const start = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="${name}"\r\n\r\n`;
  return Buffer.concat([Buffer.from(start), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** Returns a POST request from its header lines and body. */
export function head(lines, body, type = `multipart/form-data; boundary=${BOUNDARY}`) {
  const start = ["POST /embed HTTP/1.1", "Host: localhost", `Content-Type: ${type}`, ...lines].join("\r\n");
  return Buffer.concat([Buffer.from(`${start}\r\n\r\n`, "latin1"), Buffer.from(body)]);
}

function searchOf(query, bytes) {
  const request = head([`Content-Length: ${form(bytes).length}`], form(bytes)).toString("latin1");
  return Buffer.from(request.replace("/embed", `/search?${query}`), "latin1");
}

function reloadOf(lines, body) {
  return Buffer.from(head(lines, body).toString("latin1").replace("/embed", "/reload"), "latin1");
}

function bodyOf(text) {
  const body = Buffer.from(text, "latin1");
  return head([`Content-Length: ${body.length}`], body);
}

/** Sends bytes on a connection; returns the status of the answer, or "none" after `patienceMs`. */
export async function send(url, { bytes, patienceMs }) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let answer = "";
  const status = () => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
  const timer = setTimeout(() => socket.destroy(), patienceMs);
  socket.on("data", (data) => {
    answer += data.toString("latin1");
    if (status()) socket.destroy();
  });
  socket.on("error", () => {}); // the service may hang up during the upload
  socket.write(bytes);
  await new Promise((resolve) => socket.on("close", resolve));
  clearTimeout(timer);
  return status() ?? "none";
}

/**
 * Sends malformed uploads, two images per piece of garbage.
 * @param images JPEGs
 * @returns counts of each status, for damaged images in complete requests and for garbage
 */
export async function malformedUploads(url, images, { count, seed }) {
  const random = randomStream(seed, "malformed uploads");
  const formats = ["jpeg", "png", "webp", "gif"];
  const real = await Promise.all(
    images.slice(0, 40).map((bytes, i) =>
      sharp(bytes)
        .toFormat(formats[i % formats.length])
        .toBuffer(),
    ),
  );
  const pick = (list) => list[random.integer(0, list.length - 1)];
  const jobs = Array.from({ length: count }, (_, i) => {
    if (i % 3 === 2)
      return { bytes: pick(Object.values(GARBAGE))(random, pick(real)), patienceMs: GARBAGE_PATIENCE_MS };
    const body = form(pick(Object.values(DAMAGE))(pick(real), random, pick(real)));
    return { bytes: head([`Content-Length: ${body.length}`], body), patienceMs: UPLOAD_PATIENCE_MS };
  });
  const counts = { uploads: {}, garbage: {} };
  const lane = async () => {
    for (let job = jobs.pop(); job; job = jobs.pop()) {
      const status = await send(url, job);
      const kind = job.patienceMs === UPLOAD_PATIENCE_MS ? counts.uploads : counts.garbage;
      kind[status] = (kind[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, lane));
  return counts;
}
