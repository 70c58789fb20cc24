// Tests searches with a part of an image, and with several images as one query.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { rowOf } from "guie/dist/common/vectors";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { whitenByThemselves } from "guie/dist/retrieval/own_whitening";
import { reduceRows } from "guie/dist/retrieval/reduction";
import { parseImagePart } from "guie/dist/serving/image_part";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import sharp from "sharp";
import { temporaryFolder } from "../folders";
import { drawPhoto, makeTinyRun, post, startService } from "./tiny_service";

type Hit = { row: number; score: number };
const scoresOf = (neighbours: Hit[]) => new Map(neighbours.map(({ row, score }) => [row, score]));

/** Checks that two searches found the same rows with the same scores. */
function assertSameHits(found: Hit[], expected: Hit[]): void {
  const scores = scoresOf(expected);
  assert.equal(found.length, expected.length);
  for (const { row, score } of found)
    assert.ok(Math.abs(score - scores.get(row)!) < 1e-5, `row ${row}: ${score}, ${scores.get(row)}`);
}

async function started(t: Parameters<typeof makeTinyRun>[0]) {
  const tiny = await makeTinyRun(t);
  const { files } = (await readRetrievalFiles(tiny.dataDir))!.index;
  const photos = [0, 5, 10].map((row) => readFileSync(join(tiny.dataDir, files[row]!)));
  return { files, dataDir: tiny.dataDir, photos, ...(await startService(t, tiny)) };
}

/** Joins two photos, one left of the other, without loss. */
async function sideBySide(left: Buffer, right: Buffer): Promise<{ both: Buffer; share: number }> {
  const [a, b] = [await sharp(left).metadata(), await sharp(right).metadata()];
  const [width, height] = [a.width! + b.width!, Math.max(a.height!, b.height!)];
  const both = await sharp({ create: { width, height, channels: 3, background: "#000" } })
    .composite([
      { input: left, left: 0, top: 0 },
      { input: right, left: a.width!, top: 0 },
    ])
    .png()
    .toBuffer();
  return { both, share: a.width! / width };
}

test("a rectangle is searched as the image that it cuts out, turned as the image is seen", async (t) => {
  const { url, photos } = await started(t);
  const find = async (bytes: Buffer, query = "") =>
    (await post(`${url}/search?k=30${query}`, [{ bytes }])).body.neighbours as Hit[];
  const { both, share } = await sideBySide(photos[0]!, photos[1]!);
  for (const [i, rectangle] of [`0,0,${share},1`, `${share},0,1,1`].entries()) {
    const part = await find(both, `&rectangle=${rectangle}`);
    const alone = await find(await sharp(photos[i]!).png().toBuffer());
    assertSameHits(part, alone);
    assert.equal(part[0]!.row, 5 * i);
  }
  assert.notDeepEqual(await find(both), await find(both, `&rectangle=0,0,${share},1`));
  assert.deepEqual(await find(both, "&rectangle=0,0,1,1"), await find(both), "the whole image");

  const turned = await sharp(both).withMetadata({ orientation: 3 }).png().toBuffer(); // upside down
  const flipped = await sharp(photos[0]!).rotate(180).png().toBuffer();
  assertSameHits(await find(turned, `&rectangle=${1 - share},0,1,1`), await find(flipped));
});

test("a rectangle of a row is cut out of the index image's file, and the row is left out", async (t) => {
  const { url, files, dataDir } = await started(t);
  const cut = await sharp(join(dataDir, files[7]!)).extract({ left: 4, top: 6, width: 20, height: 12 });
  const { width, height } = await sharp(join(dataDir, files[7]!)).metadata();
  const rectangle = [4 / width!, 6 / height!, 24 / width!, 18 / height!].join(",");
  const similar = await (await fetch(`${url}/similar/7?k=20&rectangle=${rectangle}`)).json();
  const posted = await post(`${url}/search?k=21`, [{ bytes: await cut.png().toBuffer() }]);
  const others = (posted.body.neighbours as Hit[]).filter(({ row }) => row !== 7).slice(0, 20);
  assertSameHits(similar.neighbours, others);
  const missing = await fetch(`${url}/similar/99?rectangle=${rectangle}`);
  assert.equal(missing.status, 404);
});

test("a service with views searches with the vector that embedding the image with these views gives", async (t) => {
  const tiny = await makeTinyRun(t);
  const { files } = (await readRetrievalFiles(tiny.dataDir))!.index;
  const uploads = [0, 5, 10].map((row) => ({ bytes: readFileSync(join(tiny.dataDir, files[row]!)) }));
  const embedder = loadEmbedder(tiny.run);
  t.after(() => embedder.dispose());
  const rows = await embedder.embedFiles(tiny.dataDir, Array.from(files));
  for (const views of ["whole", "mirrored_crops"] as const) {
    const { url, health, close } = await startService(t, tiny, { views });
    assert.equal(health().views, views);
    const some = [0, 5, 10].map((row) => files[row]!);
    const embed = await embedder.embedShards(tiny.dataDir, { views, stage: "queries", total: 3 });
    const { vectors: expected } = await embed(some, 0);
    const { vectors } = (await post(`${url}/embed`, uploads)).body as { vectors: number[][] };
    for (const [i, vector] of vectors.entries())
      for (const [at, value] of vector.entries())
        assert.ok(Math.abs(value - rowOf(expected, i)[at]!) < 1e-5, `${views}, image ${i}`);
    for (const [i, upload] of uploads.entries()) {
      const { neighbours } = (await post(`${url}/search?k=30`, [upload])).body as { neighbours: Hit[] };
      for (const { row, score } of neighbours) {
        const cosine = rowOf(rows, row).reduce((sum, value, at) => sum + value * rowOf(expected, i)[at]!, 0);
        assert.ok(Math.abs(score - cosine) < 1e-5, `${views}, row ${row}: ${score}, expected ${cosine}`);
      }
    }
    await close();
  }
});

test("several images are one query: the mean of their vectors", async (t) => {
  const { url, photos } = await started(t);
  const uploads = photos.map((bytes) => ({ bytes }));
  const each: Hit[][] = [];
  for (const upload of uploads)
    each.push((await post(`${url}/search?k=30`, [upload])).body.neighbours as Hit[]);
  const { body } = await post(`${url}/search?k=30&together=1`, uploads);
  const { vectors } = (await post(`${url}/embed`, uploads)).body as { vectors: number[][] };
  const sum = vectors[0]!.map((_, at) => vectors.reduce((total, vector) => total + vector[at]!, 0));
  const tables = each.map(scoresOf);
  for (const { row, score } of body.neighbours as Hit[]) {
    const mean = tables.reduce((total, table) => total + table.get(row)!, 0) / Math.hypot(...sum);
    assert.ok(Math.abs(score - mean) < 1e-5, `row ${row}: ${score}, expected ${mean}`);
  }
  assert.deepEqual(
    (await post(`${url}/search?k=30&together=1`, [uploads[0]!])).body.neighbours,
    each[0],
    "one image together is that image",
  );
  const warnings: string[] = [];
  const warned = ({ message }: Error) => warnings.push(message);
  process.on("warning", warned);
  t.after(() => process.off("warning", warned));
  const sixteen = Array.from({ length: 16 }, (_, i) => uploads[i % 3]!);
  assert.equal((await post(`${url}/search?together=1`, sixteen)).status, 200);
  const seventeen = await post(`${url}/search?together=1`, [...sixteen, uploads[0]!]);
  assert.deepEqual([seventeen.status, seventeen.body.error], [413, "more than 16 images in a request"]);
  assert.deepEqual(warnings, []);
  const parts = "&rectangle=0,0,1,1&rectangle=0,0,0.5,1&rectangle=0,0,1,1";
  const cut = (await post(`${url}/search?k=30&together=1${parts}`, uploads)).body.neighbours;
  assert.notDeepEqual(cut, body.neighbours);
});

test("the mean of several images is whitened as the rows are", async (t) => {
  const tiny = await makeTinyRun(t);
  const { files } = (await readRetrievalFiles(tiny.dataDir))!.index;
  const embedder = loadEmbedder(tiny.run);
  const rows = await embedder.embedFiles(tiny.dataDir, Array.from(files));
  embedder.dispose();
  const { vectors, whitening } = await whitenByThemselves(rows);
  const [a, b] = [rowOf(rows, 0), rowOf(rows, 5)];
  const mean = a.map((value, at) => (value + b[at]!) / 2);
  const query = reduceRows({ data: mean, count: 1, length: mean.length }, whitening!).data;

  const { url } = await startService(t, tiny, { whiten: true });
  const uploads = [0, 5].map((row) => ({ bytes: readFileSync(join(tiny.dataDir, files[row]!)) }));
  const { body } = await post(`${url}/search?k=30&together=1`, uploads);
  assert.equal(body.neighbours.length, 30);
  for (const { row, score } of body.neighbours as Hit[]) {
    const other = rowOf(vectors, row);
    const dot = query.reduce((sum, value, at) => sum + value * other[at]!, 0);
    const cosine = dot / (Math.hypot(...query) * Math.hypot(...other));
    assert.ok(Math.abs(score - cosine) < 1e-3, `row ${row}: ${score}, expected ${cosine}`);
  }
});

test("rectangles that are none, too many or too small get a 400 that says what was expected", async (t) => {
  const { url, photos } = await started(t);
  const one = [{ bytes: photos[0]! }];
  const two = [...one, { bytes: photos[1]! }];
  const shares = /rectangle: expected left,top,right,bottom as shares of the image from 0 to 1/;
  const odd = [
    "",
    "0,0,1",
    "0,0,1,1,1",
    "0,0,1.1,1",
    "-0.1,0,1,1",
    "NaN,0,1,1",
    "0,0,1e-1,1",
    "0,0,Infinity,1",
  ];
  const empty = [
    "0.5,0,0.5,1",
    "0.6,0,0.5,1",
    "0,0.5,1,0.5",
    " 0,0,1,1",
    "0,0,1,0x1",
    `0,0,1,.${"1".repeat(400)}`,
  ];
  for (const rectangle of [...odd, ...empty]) {
    const { status, body } = await post(`${url}/search?rectangle=${encodeURIComponent(rectangle)}`, one);
    assert.equal(status, 400, rectangle);
    assert.match(body.error, shares, rectangle);
    assert.equal(parseImagePart(rectangle), undefined, rectangle);
  }
  const cases: [string, typeof one, RegExp][] = [
    [
      "rectangle=0,0,0.1,1",
      one,
      /^the rectangle has \d x \d+ of the image's \d+ x \d+ pixels: expected at least 8 x 8/,
    ],
    ["rectangle=0,0,1,1&rectangle=0,0,0.5,1", one, /^expected one rectangle for the image, got 2/],
    ["together=1&rectangle=0,0,1,1", two, /^expected one rectangle for each of 2 images, got 1/],
    ["together=1&rectangle=0,0,1,1&rectangle=1,0,0,1", two, shares],
    ["together=yes", two, /expected together=1/],
    ["together=1&together=1", two, /expected together=1/],
  ];
  for (const [query, files, words] of cases) {
    const { status, body } = await post(`${url}/search?${query}`, files);
    assert.equal(status, 400, `${query}: ${JSON.stringify(body)}`);
    assert.match(body.error, words, query);
  }
  const similar = await fetch(`${url}/similar/1?rectangle=0,0,1,1&rectangle=0,0,1,1`);
  assert.equal(similar.status, 400);
  assert.equal((await fetch(`${url}/similar/1?together=1`)).status, 400);
  const several = await post(`${url}/search`, two);
  assert.deepEqual([several.status, several.body.error], [413, "more than 1 image in a request"]);
});

test("clients see paths below the photos' folder; of a photo elsewhere only its name", async (t) => {
  const tiny = await makeTinyRun(t);
  const folder = temporaryFolder(t);
  process.env.GUIE_CACHE_DIR = join(folder, "cache");
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  t.mock.method(process.stderr, "write", () => true);
  await drawPhoto(join(folder, "elsewhere", "1.png"), 1);
  await drawPhoto(join(tiny.dataDir, "mine", "2.png"), 2);
  const away = relative(tiny.dataDir, join(folder, "elsewhere"));
  writeFileSync(
    join(folder, "list.txt"),
    ["mine/2.png", join(away, "1.png"), join(away, "gone.png")].join("\n"),
  );
  const { url, whole } = await startService(t, tiny, { index: join(folder, "list.txt") });
  await whole;
  const { rows } = (await (await fetch(`${url}/samples`)).json()) as { rows: { file: string }[] };
  assert.deepEqual(rows.map(({ file }) => file).sort(), ["1.png", "mine/2.png"]);
  assert.equal((await fetch(`${url}/image/1`)).status, 200);
  const { index } = await (await fetch(`${url}/health`)).json();
  assert.deepEqual(index.photos.leftOutFiles, [{ file: "gone.png", reason: "missing file" }]);
});
