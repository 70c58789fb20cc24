// `guie find`: the hits against an exact search of the same vectors, and what a person could misread.
import assert from "node:assert/strict";
import {
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { preset } from "guie/dist/config/presets";
import { BackboneEmbedder } from "guie/dist/embedding/backbone_embedder";
import { loadImages } from "guie/dist/images/loading/loader";
import { cropRectangle } from "guie/dist/images/pixels/crop";
import type { RgbImage } from "guie/dist/images/pixels/rgb_image";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { JSDOM } from "jsdom";
import { ZipFile } from "yazl";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { drawPhoto } from "../serving/tiny_service";

/** Runs `guie find` in this process with the tiny preset. */
const find = (...args: string[]) => guie("find", "--config-name", "tiny", ...args);

/** Makes two class folders of photos, and a cache of its own. */
async function photoFolder(t: TestContext, count = 12): Promise<{ folder: string; photos: string }> {
  const folder = temporaryFolder(t);
  process.env.GUIE_CACHE_DIR = join(folder, "cache");
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  const photos = join(folder, "photos");
  for (let i = 0; i < count; i++) await drawPhoto(join(photos, i % 2 ? "<b>kiwi" : "Äpfel", `${i}.png`), i);
  return { folder, photos };
}

test("find gives the nearest photos by cosine, without the query itself and its copies, and says so", async (t) => {
  const { folder, photos } = await photoFolder(t);
  const query = join(photos, "Äpfel", "4.png");
  copyFileSync(query, join(photos, "<b>kiwi", "copy.png"));
  const { status, stdout } = await find(query, "--in", photos, "-k", "3", "--no-whiten", "--json");
  assert.equal(status, 0);
  const { results, whitened, photos: counts } = JSON.parse(stdout);
  assert.deepEqual(
    [whitened, counts.searched, counts.embedded],
    [null, 13, 11],
    "the query was embedded before",
  );
  assert.deepEqual(results[0].itself.sort(), ["<b>kiwi/copy.png", "Äpfel/4.png"]);

  const embedder = new BackboneEmbedder(preset("tiny", "frozen"));
  t.after(() => embedder.dispose());
  const others = Array.from({ length: 12 }, (_, i) => join(i % 2 ? "<b>kiwi" : "Äpfel", `${i}.png`));
  others.splice(4, 1);
  const [one, rows] = [
    await embedder.embedFiles(photos, ["Äpfel/4.png"]),
    await embedder.embedFiles(photos, others),
  ];
  const { positions, cosines } = await nearestNeighbours(one, rows, 3);
  assert.deepEqual(
    results[0].hits.map(({ file }: { file: string }) => file),
    Array.from(positions[0]!, (row) => others[row]),
  );
  for (const [i, { rank, score, class: name, file }] of results[0].hits.entries()) {
    assert.deepEqual([rank, name], [i + 1, file.split("/")[0]]);
    assert.ok(Math.abs(score - cosines[0]![i]!) < 1e-6);
  }

  mkdirSync(join(folder, "mine"));
  copyFileSync(join(photos, "<b>kiwi", "5.png"), join(folder, "mine", "4.png"));
  const text = await find(join(folder, "mine"), "--in", photos, "-k", "99");
  assert.match(text.stdout, /mine\/4\.png +1 +[\d.-]+ +\S+ +\S+/);
  assert.match(text.stdout, /mine\/4\.png is among the photos: <b>kiwi\/5\.png left out of its hits/);
  assert.match(text.stdout, /Äpfel\/4\.png has the name of the query .*, but is another picture/);
  assert.match(text.stdout, /-k 99: there are only 12 other photos; all are shown/);
  assert.match(text.stdout, /13 photos of photos, 0 embedded now; searched by the model's own vectors/);
});

test("a query with views is the mean of its views' features; the photos' vectors stay as they are", async (t) => {
  const { folder, photos } = await photoFolder(t);
  const query = join(folder, "query.png");
  await drawPhoto(query, 20);
  const hitsOf = async (...args: string[]) => {
    const { stdout } = await find(query, "--in", photos, "-k", "12", "--no-whiten", "--json", ...args);
    const { results, photos: counts, verdict } = JSON.parse(stdout);
    return { hits: results[0].hits as { file: string; score: number }[], embedded: counts.embedded, verdict };
  };
  const whole = await hitsOf();
  assert.equal(whole.embedded, 12);
  assert.deepEqual(await hitsOf("--views", "whole"), { ...whole, embedded: 0 });

  const config = preset("tiny", "frozen");
  const embedder = new BackboneEmbedder(config);
  t.after(() => embedder.dispose());
  const files = Array.from({ length: 12 }, (_, i) => join(i % 2 ? "<b>kiwi" : "Äpfel", `${i}.png`));
  const rows = await embedder.embedFiles(photos, files);
  const side = config.imageSize;
  for (const [views, bigger] of [
    ["mirror", 0],
    ["crops", Math.round((side * 8) / 7) - side],
  ] as const) {
    const [large] = await loadImages(folder, ["query.png"], side + bigger, 1);
    const places = [0, bigger].flatMap((top) => [0, bigger].map((left) => [left, top] as const));
    const middle = Math.round(bigger / 2);
    const cut = ([left, top]: readonly [number, number]) =>
      cropRectangle(large!, { left, top, width: side, height: side });
    const parts =
      views === "mirror" ? [large!, mirrored(large!)] : [...places, [middle, middle] as const].map(cut);
    const { data, count, length } = await embedder.embedImages(parts);
    const mean = Float32Array.from({ length }, (_, at) => {
      const values = Array.from({ length: count }, (_, part) => data[part * length + at]!);
      return values.reduce((sum, value) => sum + value, 0) / count;
    });
    const { positions, cosines } = await nearestNeighbours({ data: mean, count: 1, length }, rows, 12);
    const { hits, embedded, verdict } = await hitsOf("--views", views);
    assert.deepEqual([embedded, verdict], [0, null]);
    assert.deepEqual(
      hits.map(({ file }) => file),
      Array.from(positions[0]!, (row) => files[row]),
    );
    for (const [i, { score }] of hits.entries()) assert.ok(Math.abs(score - cosines[0]![i]!) < 1e-5);
    assert.notDeepEqual(
      hits.map(({ score }) => score),
      whole.hits.map(({ score }) => score),
    );
    const text = await find(query, "--in", photos, "--views", views);
    assert.match(text.stdout, new RegExp(`queries by their ${views}, without a verdict`));
  }
});

/** Returns an image with its columns in reverse order. */
function mirrored({ data, width, height }: RgbImage): RgbImage {
  const value = (_: number, at: number) => {
    const [row, column, channel] = [Math.floor(at / (3 * width)), Math.floor(at / 3) % width, at % 3];
    return data[3 * (row * width + (width - 1 - column)) + channel]!;
  };
  return { data: data.map(value), width, height };
}

test("an index of views is searched by its own model, with queries of any views", async (t) => {
  const { folder, photos } = await photoFolder(t);
  const index = join(folder, "index");
  const embedded = await guie("embed", photos, "--config-name", "tiny", "--out", index, "--views", "crops");
  assert.equal(embedded.status, 0, embedded.stderr);
  const query = join(folder, "query.png");
  copyFileSync(join(photos, "Äpfel", "4.png"), query);
  const best = async (views: string) => {
    const { stdout } = await find(query, "--in", index, "--no-whiten", "--json", "--views", views);
    return JSON.parse(stdout).results[0].hits[0] as { file: string; score: number };
  };
  const [same, other] = [await best("crops"), await best("whole")];
  assert.notEqual(same.file, "Äpfel/4.png", "a copy of the query is left out");
  assert.notEqual(same.score, other.score);
});

test("an archive, a folder and a table with named columns are searched alike", async (t) => {
  const { folder, photos } = await photoFolder(t);
  const zip = new ZipFile();
  for (let i = 0; i < 12; i++) {
    const file = `${i % 2 ? "<b>kiwi" : "Äpfel"}/${i}.png`;
    zip.addFile(join(photos, file), file);
  }
  zip.end();
  const archive = join(folder, "photos.zip");
  await pipeline(zip.outputStream, createWriteStream(archive));
  const table = join(folder, "table.csv");
  const lines = Array.from({ length: 12 }, (_, i) => `${i % 2 ? "<b>kiwi" : "Äpfel"}/${i}.png,x,${i % 2}`);
  writeFileSync(table, `where,what,kind\n${lines.join("\n")}\n`);
  const query = join(photos, "Äpfel", "4.png");
  const hits = async (...args: string[]) => {
    const { stdout } = await find(query, "-k", "3", "--json", ...args);
    const { results } = JSON.parse(stdout);
    return results[0].hits.map((hit: { file: string; class: string }) => [hit.file, hit.class]);
  };
  const byFolder = await hits("--in", photos);
  assert.deepEqual(await hits("--in", archive), byFolder);
  const named = ["--image-column", "where", "--class-column", "kind", "--root", photos];
  assert.deepEqual(
    await hits("--in", table, ...named),
    byFolder.map(([file]: string[]) => [file, file!.startsWith("<") ? "1" : "0"]),
  );
});

test("16 photos are whitened by their own vectors, unless --no-whiten", async (t) => {
  const { photos } = await photoFolder(t, 16);
  const query = join(photos, "Äpfel", "4.png");
  const whitened = await find(query, "--in", photos);
  assert.match(whitened.stdout, /whitened by their own vectors \(--no-whiten: the model's own\)/);
  const plain = await find(query, "--in", photos, "--no-whiten");
  assert.doesNotMatch(plain.stdout, /whiten/);
});

test("the contact sheet escapes names, runs no script and needs no other file", async (t) => {
  const { folder, photos } = await photoFolder(t);
  const sheet = join(folder, "sheet.html");
  const { status, stdout } = await find(join(photos, "<b>kiwi"), "--in", photos, "-k", "2", "--html", sheet);
  assert.equal(status, 0);
  assert.match(stdout, /contact sheet: .*sheet\.html/);
  const { document } = new JSDOM(readFileSync(sheet, "utf8")).window;
  assert.deepEqual(
    [document.querySelectorAll("section").length, document.querySelectorAll("img").length],
    [6, 18],
  );
  assert.equal(document.querySelectorAll("script, figcaption figcaption, .file b").length, 0);
  assert.match(document.querySelector("figcaption")!.textContent!, /<b>kiwi\/1\.png/);
  const policy = document.querySelector("meta[http-equiv]")!.getAttribute("content")!;
  assert.match(policy, /^default-src 'none'; img-src data:; style-src 'sha256-\S{44}'/);
  for (const image of document.images) assert.match(image.src, /^data:image\/jpeg;base64,/);
});

test("bad queries and folders are told by name; the rest is answered", async (t) => {
  const { folder, photos } = await photoFolder(t);
  const [broken, fine] = [join(folder, "broken.jpg"), join(photos, "Äpfel", "0.png")];
  writeFileSync(broken, "no photo");
  const some = await find(fine, broken, "--in", photos);
  assert.equal(some.status, 1);
  assert.match(some.stdout, /0\.png +1 /);
  assert.match(some.stderr, /1 query cannot be read:\n {2}.*broken\.jpg: /);
  const none = await find(broken, "--in", photos);
  assert.match(none.stderr, /None of the queries can be read; the first: .*broken\.jpg: .*\n {2}Next: /);
  assert.match((await find(join(folder, "gone.jpg"), "--in", photos)).stderr, /gone\.jpg: there is none/);
  assert.match((await find("--in", photos)).stderr, /missing required argument 'queries'/);
  assert.match((await find(fine)).stderr, /required option '--in <photos>' not specified/);
  assert.match(
    (await find(fine, "--in", photos, "-k", "0")).stderr,
    /-k takes a whole number from 1, got "0"/,
  );
  const empty = join(folder, "empty");
  mkdirSync(empty);
  assert.match((await find(fine, "--in", empty)).stderr, /empty holds no images|no images in .*empty/i);
  writeFileSync(join(empty, "a.jpg"), "no photo");
  assert.match(
    (await find(fine, "--in", empty)).stderr,
    /None of the photos can be read; the first: a\.jpg: /,
  );
  rmSync(broken);
  assert.ok(!existsSync(join(folder, "sheet.html")));
});
