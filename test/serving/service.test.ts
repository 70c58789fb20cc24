// Compares the service with its parts: the run's own embedder, and the exact search.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { writeFeatures } from "guie/dist/features/feature_writer";
import { serve } from "guie/dist/photos/serve";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import sharp from "sharp";
import { temporaryFolder } from "../folders";
import { CLASS_NAMES, makeTinyRun, post, startService } from "./tiny_service";

/** Returns the largest difference of two vectors. */
function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce(
    (most, value) => Math.max(most, value),
    0,
  );
}

test("/embed returns the embedder's vectors for all formats; /search finds the same image first", async (t) => {
  const tiny = await makeTinyRun(t);
  const { index } = (await readRetrievalFiles(tiny.dataDir))!;
  const rowsOf = [0, 5, 10, 15]; // of different classes
  const files = rowsOf.map((row) => index.files[row]!);
  const folder = temporaryFolder(t);
  const noise = {
    create: { width: 300, height: 260, channels: 3, noise: { type: "gaussian", mean: 120, sigma: 60 } },
  };
  mkdirSync(folder, { recursive: true });
  for (const format of ["jpeg", "png", "webp", "gif", "tiff"] as const)
    await sharp(noise as sharp.SharpOptions)
      .toFormat(format)
      .toFile(join(folder, `noise.${format}`));
  const paths = [
    ...files.map((file) => join(tiny.dataDir, file)),
    ...readdirSync(folder).map((file) => join(folder, file)),
  ];
  const embedder = loadEmbedder(tiny.run);
  const expected = await embedder.embedFiles("/", paths);
  embedder.dispose();

  const { url } = await startService(t, tiny);
  const uploads = paths.map((path) => ({ bytes: readFileSync(path) }));
  const { status, body } = await post(`${url}/embed`, uploads);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.length, body.vectors.length], [64, paths.length]);
  for (const [i, vector] of (body.vectors as number[][]).entries()) {
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6, "of unit length");
    assert.ok(
      largestDifference(vector, expected.data.subarray(i * 64, (i + 1) * 64)) < 1e-5,
      `${paths[i]} differs`,
    );
  }

  for (const [i, row] of rowsOf.entries()) {
    const { neighbours } = (await post(`${url}/search?k=3`, [uploads[i]!])).body;
    assert.equal(neighbours.length, 3);
    const [first] = neighbours;
    assert.deepEqual(
      [first.row, first.label, first.name, first.file],
      [row, Math.floor(row / 5), CLASS_NAMES[Math.floor(row / 5)], files[i]],
    );
    assert.ok(first.score > 0.99999);
    const image = await fetch(url + first.image);
    assert.equal(image.headers.get("content-type"), "image/jpeg");
    assert.equal((await sharp(await image.arrayBuffer()).metadata()).width, 28);
  }
  const similar = await (await fetch(`${url}/similar/2?k=5`)).json();
  const rows = similar.neighbours.map(({ row }: { row: number }) => row);
  assert.equal(rows.length, 5);
  assert.ok(!rows.includes(2), "a row is not its own neighbour");
});

test("requests that come together share a forward pass, and get the same vectors as alone", async (t) => {
  const tiny = await makeTinyRun(t);
  const { index } = (await readRetrievalFiles(tiny.dataDir))!;
  const uploads = index.files.slice(0, 12).map((file) => ({ bytes: readFileSync(join(tiny.dataDir, file)) }));
  type Service = Awaited<ReturnType<typeof startService>>;
  const passes = ({ health }: Service) => (health().load as { passes: number }).passes;
  const embed = async ({ url }: Service, upload: (typeof uploads)[number]) =>
    (await post(`${url}/embed`, [upload])).body.vectors[0] as number[];

  const patient = await startService(t, tiny, { maxBatch: 6, maxWaitMs: 60_000 });
  const together = await Promise.all(uploads.map((upload) => embed(patient, upload)));
  assert.equal(passes(patient), 2, "twelve images in passes of six");
  const prompt = await startService(t, tiny, { maxBatch: 6, maxWaitMs: 0 });
  const alone: number[][] = [];
  for (const upload of uploads.slice(0, 3)) alone.push(await embed(prompt, upload));
  assert.equal(passes(prompt), 3, "one each");
  for (const [i, vector] of alone.entries()) assert.ok(largestDifference(vector, together[i]!) < 1e-5);
  assert.ok(largestDifference(together[0]!, together[11]!) > 1e-3, "images differ");
});

test("a folder of features is searched exactly and approximately; features of another model are an error", async (t) => {
  const tiny = await makeTinyRun(t);
  const embedder = loadEmbedder(tiny.run);
  const random = randomStream(3, "rows");
  const count = 600;
  const data = Float32Array.from({ length: count * 64 }, () => random.normal());
  const file = (await readRetrievalFiles(tiny.dataDir))!.index.files[0]!;
  const query = { bytes: readFileSync(join(tiny.dataDir, file)) };
  data.set((await embedder.embedFiles(tiny.dataDir, [file])).data, 77 * 64);
  embedder.dispose();
  const rows = { files: Array.from({ length: count }, (_, i) => (i === 77 ? file : `${i}.jpg`)) };
  const folder = temporaryFolder(t);
  const madeBy = { ...embedder.madeBy, views: "whole", folder: tiny.dataDir };
  await writeFeatures(join(folder, "mine"), { rows, madeBy, replace: true }, { data, count, length: 64 });

  const answers = [];
  for (const approximate of [false, true, true]) {
    const { url, health } = await startService(t, tiny, { index: join(folder, "mine"), approximate });
    const { search } = health() as { search: { kind: string; recallAt5: number } };
    assert.equal(search.kind, approximate ? "approximate" : "exact");
    assert.ok(search.recallAt5 > 0.9 && search.recallAt5 <= 1, `recall ${search.recallAt5}`);
    answers.push((await post(`${url}/search?k=1`, [query])).body.neighbours[0]);
    assert.equal((await fetch(`${url}/image/77`)).status, 200);
    const gone = await fetch(`${url}/image/3`);
    assert.deepEqual(
      [gone.status, await gone.json()],
      [503, { error: "the file of this image cannot be read now" }],
    );
  }
  for (const { row, label, name } of answers) assert.deepEqual([row, label, name], [77, null, null]);
  assert.equal(
    readdirSync(join(folder, "mine")).filter((name) => name.endsWith(".usearch")).length,
    1,
    "the graph is kept for the next start",
  );

  await writeFeatures(
    join(folder, "other"),
    { rows, madeBy: { ...madeBy, checkpoint: "another" }, replace: true },
    { data, count, length: 64 },
  );
  await assert.rejects(
    startService(t, tiny, { index: join(folder, "other") }),
    /another checkpoint[\s\S]*guie embed/,
  );
});

test("the page has a policy that allows only its own script and style", async (t) => {
  const { url } = await startService(t, await makeTinyRun(t));
  const response = await fetch(url);
  const policy = response.headers.get("content-security-policy")!;
  assert.match(
    policy,
    /default-src 'none'; script-src 'sha256-\S{44}'; style-src 'sha256-\S{44}'; img-src 'self' blob: data:/,
  );
  assert.doesNotMatch(policy, /unsafe/);
  const html = await response.text();
  assert.doesNotMatch(html, /(src|href)="?(https?:)?\/\//);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  const health = await (await fetch(`${url}/health`)).json();
  assert.deepEqual([health.status, health.index.images, health.search.kind], ["ok", 30, "exact"]);
});

test("the verb serve takes a model by its name alone", async (t) => {
  const { run } = await makeTinyRun(t);
  const service = await serve({ model: run, port: 0, say: () => {} });
  t.after(() => service.close());
  assert.equal((service.health().index as { images: number }).images, 30);
});
