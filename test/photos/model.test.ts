// A model on a person's photos: the vectors of `guie embed`, computed once; searches and comparisons with them.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { rowOf, type Vectors } from "guie/dist/common/vectors";
import { preset } from "guie/dist/config/presets";
import { BackboneEmbedder } from "guie/dist/embedding/backbone_embedder";
import { compare } from "guie/dist/photos/compare";
import { Images } from "guie/dist/photos/images";
import { loadModel } from "guie/dist/photos/model";
import { readImages } from "guie/dist/photos/read_images";
import { search } from "guie/dist/photos/search";
import { serve } from "guie/dist/photos/serve";
import { temporaryFolder, writeFile } from "../folders";
import { drawClasses } from "./draw";

const quiet = { onProgress: () => {} };
const model = loadModel("backbone", { preset: "tiny" });
after(async () => (await model).dispose());

async function drawn(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  await drawClasses(folder, ["red", "green", "blue"], 4);
  return folder;
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

test("a folder, its files and their bytes have the vectors of guie embed", async (t) => {
  const folder = await drawn(t);
  writeFile(join(folder, "red", "broken.jpg"), "no image");
  const embedded = await (await model).embed(folder, quiet);
  assert.deepEqual([embedded.count, embedded.length], [12, (await model).dim]);
  assert.deepEqual(
    embedded.skipped?.map(({ file }) => file),
    ["red/broken.jpg"],
  );
  const files = embedded.images!.files;
  const embedder = new BackboneEmbedder(preset("tiny", "frozen"));
  t.after(() => embedder.dispose());
  const direct = await embedder.embedFiles(folder, files);
  assert.ok(largestDifference(embedded.data, direct.data) < 1e-6);
  const paths = files.slice(0, 3).map((file) => join(folder, file));
  const byFile = await (await model).embed(paths, quiet);
  const byBytes = await (await model).embed(
    paths.map((path) => readFileSync(path)),
    quiet,
  );
  const one = await (await model).embed(paths[0]!, quiet);
  assert.ok(largestDifference(byFile.data, direct.data.subarray(0, byFile.data.length)) < 1e-6);
  assert.ok(largestDifference(byBytes.data, byFile.data) < 1e-6);
  assert.ok(largestDifference(one.data, rowOf(byFile as Vectors, 0)) < 1e-6);
});

test("only new and changed photos are embedded again; an empty list and unreadable files are refused", async (t) => {
  const folder = await drawn(t);
  process.env.GUIE_CACHE_DIR = temporaryFolder(t);
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  const computed = async () => (await (await model).embed(folder, quiet)).computed;
  assert.equal(await computed(), 12);
  assert.equal(await computed(), 0);
  copyFileSync(join(folder, "red/0.png"), join(folder, "blue/copy.png")); // the same bytes
  copyFileSync(join(folder, "red/1.png"), join(folder, "red/2.png")); // changed, to bytes that are known
  rmSync(join(folder, "green/1.png"));
  assert.equal(await computed(), 0);
  await drawClasses(join(folder, "more"), ["as red", "violet"], 2); // the first two have the bytes of red's
  assert.equal(await computed(), 2);
  await assert.rejects((await model).embed([], quiet), /Expected images to embed, got an empty list/);
  await assert.rejects(
    (await model).embed([Buffer.from("no image")], quiet),
    /not an image|no image|unknown/i,
  );
  const empty = temporaryFolder(t);
  writeFile(join(empty, "a/broken.jpg"), "no image");
  await assert.rejects(
    (await model).embed(empty, quiet),
    /None of 1 images in .* could be read; the first: a\/broken\.jpg/,
  );
});

test("a search finds the same class, never the query itself; classes by name", async (t) => {
  const images = await readImages(await drawn(t));
  const query = images.pick([0]);
  const found = await search(query, { model: await model, index: images, k: 3, whiten: false, ...quiet });
  const [{ hits, itself }] = found.results as [(typeof found.results)[0]];
  assert.deepEqual([hits.length, itself], [3, [images.files[0]]]);
  assert.ok(
    hits.every(({ score, file }, i) => file !== images.files[0] && (i === 0 || score <= hits[i - 1]!.score)),
  );
  assert.equal(hits[0]!.class, images.classes![0]);
  const embedded = await (await model).embed(images, quiet);
  const again = await search(query, { model: await model, index: embedded, k: 3, whiten: false, ...quiet });
  assert.deepEqual(again.results, found.results);
});

test("compare scores leave-one-out, against a count by hand; images without pairs or classes are refused", async (t) => {
  const images = await readImages(await drawn(t));
  const rows = await compare([await model], images, quiet);
  const { data, length, count } = await (await model).embed(images, quiet);
  const row = (i: number) => data.subarray(i * length, (i + 1) * length);
  const cosine = (a: Float32Array, b: Float32Array) => {
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };
  let right = 0;
  for (let query = 0; query < count; query++) {
    const others = Array.from({ length: count }, (_, i) => i).filter((i) => i !== query);
    others.sort((a, b) => cosine(row(query), row(b)) - cosine(row(query), row(a)));
    right += Number(images.classes![others[0]!] === images.classes![query]);
  }
  assert.equal(rows[0]!.scores.r1.mean, right / count);
  assert.deepEqual([rows[0]!.queries, rows[0]!.classes, rows[0]!.trainedOn], [12, 3, 0]);
  const flat = new Images({ folder: images.folder, files: images.files });
  await assert.rejects(compare([await model], flat, quiet), /has no class/);
  const single = images.pick([0, 4, 8]);
  await assert.rejects(compare([await model], single, quiet), /Each of the 3 classes has one image/);
  await assert.rejects(compare([], images, quiet), /Expected models to compare, got none/);
});

test("a service takes the images of a whole source, and no part of it", async (t) => {
  const images = await readImages(await drawn(t));
  const service = await serve({ model: await model, index: images, port: 0 });
  assert.match(service.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  await service.close();
  assert.throws(() => serve({ index: images.pick([0]) }), /a part of a folder or a table/);
});

test("the demo's backbone is fetched when it is asked for and is not there", async () => {
  const { weights } = preset("demo", "frozen");
  rmSync(projectPath(weights), { force: true });
  const stages: string[] = [];
  const loaded = await loadModel(undefined, { onProgress: ({ stage }) => stages.push(stage) });
  assert.ok(existsSync(projectPath(weights)));
  assert.ok(stages.includes("prepare dinov2-vit-s-14"), stages.join());
  assert.deepEqual([loaded.dim, loaded.imageSize, loaded.isBackbone], [1536, 112, true]);
  loaded.dispose();
});
