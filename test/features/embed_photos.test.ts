// Photos are embedded once: vectors follow their bytes, through added, changed, removed, renamed and copied files.
import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { contentOf } from "guie/dist/common/files/fingerprint";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { BackboneEmbedder } from "guie/dist/embedding/backbone_embedder";
import { embedPhotos, type PhotoEmbedder, type PhotosSoFar } from "guie/dist/features/embed_photos";
import { ensureFeatureFolder } from "guie/dist/features/feature_writer";
import { readImageList } from "guie/dist/features/image_list";
import sharp from "sharp";
import { temporaryFolder } from "../folders";

/** Makes a folder of photos whose bytes are texts, and a cache of its own. */
function textPhotos(t: TestContext, count: number): { photos: string; cache: string } {
  const folder = temporaryFolder(t);
  const [photos, cache] = [join(folder, "photos"), join(folder, "cache")];
  mkdirSync(photos);
  process.env.GUIE_CACHE_DIR = cache;
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  for (let i = 0; i < count; i++) writeFileSync(join(photos, nameOf(i)), `photo ${i}`);
  return { photos, cache };
}
const nameOf = (i: number) => `${String(i).padStart(4, "0")}.jpg`;
const numberOf = (bytes: Uint8Array) => Number.parseInt(contentOf(bytes).slice(0, 4), 16);

/** An embedder whose vector is a number of the file's hash; files that begin with "no" cannot be read. */
function hashEmbedder(asked: string[], failAt = Number.POSITIVE_INFINITY): PhotoEmbedder {
  return {
    madeBy: { tower: "hash" },
    sourcesOf: (folder) => ({ folder }),
    embedShards: async (folder) => async (files) => {
      if (asked.length + files.length > failAt) throw new Error("killed");
      asked.push(...files);
      const bytes = files.map((file) => readFileSync(join(folder, file)));
      const good = bytes.filter((file) => file.subarray(0, 2).toString() !== "no");
      const data = Float32Array.from(good.flatMap((file) => [numberOf(file), 1]));
      const skipped = files.filter((_, i) => !good.includes(bytes[i]!));
      return {
        vectors: { data, count: good.length, length: 2 },
        skipped: skipped.map((file) => ({ file, reason: "no image" })),
        contents: bytes.map(contentOf),
      };
    },
  };
}

const listOf = (folder: string) => readImageList(folder, folder);

/** Embeds a folder; returns what was embedded, and checks every row. */
async function embedded(photos: string, failAt?: number) {
  const asked: string[] = [];
  const found = await embedPhotos(hashEmbedder(asked, failAt), await listOf(photos));
  for (const [row, file] of found.files.entries())
    assert.equal(found.vectors.data[2 * row], numberOf(readFileSync(join(photos, file))), file);
  return { ...found, asked: asked.sort() };
}

test("only added, changed and repaired photos are embedded; removed ones leave, renamed and copied ones stay", async (t) => {
  const { photos } = textPhotos(t, 40);
  const at = (i: number) => join(photos, nameOf(i));
  writeFileSync(at(7), "no photo");
  copyFileSync(at(3), join(photos, "copy of 3.jpg"));
  const first = await embedded(photos);
  assert.deepEqual([first.embedded, first.files.length], [39, 40]);
  assert.deepEqual(first.skipped, [{ file: nameOf(7), reason: "no image" }]);
  assert.deepEqual(first.files, [...first.files].sort());

  const second = await embedded(photos);
  assert.deepEqual([second.embedded, second.asked], [0, [nameOf(7)]], "what cannot be read is tried again");
  assert.deepEqual(second.vectors, first.vectors);

  rmSync(at(0));
  renameSync(at(1), join(photos, "renamed.jpg"));
  writeFileSync(at(2), "photo 3"); // now a copy
  writeFileSync(at(4), "changed");
  writeFileSync(at(7), "repaired");
  writeFileSync(join(photos, "new.jpg"), "new");
  const third = await embedded(photos);
  assert.deepEqual([third.embedded, third.asked], [3, [nameOf(4), nameOf(7), "new.jpg"]]);
  assert.deepEqual([third.files.length, third.skipped], [41, []]);
  assert.ok(third.files.includes("renamed.jpg") && !third.files.includes(nameOf(0)));
});

test("what cannot be embedded for now stops the work; the next call goes on after the last whole block", async (t) => {
  const { photos } = textPhotos(t, 300);
  await assert.rejects(embedded(photos, 100), /killed/);
  const { embedded: count, files } = await embedded(photos);
  assert.deepEqual([count, files.length], [300 - 96, 300], "blocks of 32 and 64 were kept");
});

test("photos are there block by block, spread over the list, and kept ones at once", async (t) => {
  const { photos } = textPhotos(t, 500);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 10_000 }); // the photos are not new: their stamps count
  const list = await listOf(photos);
  const counts: [done: number, rows: number][] = [];
  const onBlock = async (soFar: PhotosSoFar) => {
    counts.push([soFar.done, (await soFar.read()).vectors.count]);
  };
  await embedPhotos(hashEmbedder([]), list, { onBlock });
  assert.deepEqual(counts, [
    [32, 32],
    [96, 96],
    [224, 224],
    [480, 480],
    [500, 500],
  ]);
  counts.length = 0;
  await embedPhotos(hashEmbedder([]), list, { onBlock });
  assert.deepEqual(counts, [[500, 500]]);
  counts.length = 0;
  const early: string[] = [];
  rmSync(process.env.GUIE_CACHE_DIR!, { recursive: true });
  await embedPhotos(hashEmbedder([]), list, {
    onBlock: async (soFar) => void (early.length === 0 && early.push(...(await soFar.read()).files)),
  });
  const halves = early.filter((file) => file < nameOf(250)).length;
  assert.ok(halves > 8 && halves < 24, `${halves} of the first 32 come from the first half`);
});

test("a damaged block is deleted with a notice, and its photos are embedded again", async (t) => {
  const { photos, cache } = textPhotos(t, 96);
  await embedded(photos);
  const block = readdirSync(cache, { recursive: true, encoding: "utf8" }).find((name) =>
    /vectors\.\w+\.safe/.test(name),
  )!;
  const bytes = readFileSync(join(cache, block));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(join(cache, block), bytes);
  const lines: string[] = [];
  t.mock.method(process.stderr, "write", (line: string) => lines.push(line) > 0);
  const again = await embedded(photos);
  t.mock.restoreAll();
  assert.ok([32, 64].includes(again.embedded), `${again.embedded}`);
  assert.match(lines.join(""), /embedded again/);
  assert.equal((await embedded(photos)).embedded, 0);
});

test("many small blocks are joined; nothing is lost, nothing is kept twice", async (t) => {
  const { photos, cache } = textPhotos(t, 1);
  for (let i = 1; i < 40; i++) {
    writeFileSync(join(photos, nameOf(i)), `photo ${i}`);
    assert.equal((await embedded(photos)).embedded, i === 1 ? 2 : 1);
  }
  const blocks = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) =>
    /vectors\.\w+\.safe/.test(name),
  );
  assert.ok(blocks.length <= 32, `${blocks.length} blocks`);
  const whole = await embedded(photos);
  assert.deepEqual([whole.embedded, whole.files.length], [0, 40]);
});

test("two calls at once give the same vectors", async (t) => {
  const { photos } = textPhotos(t, 200);
  const [one, two] = await Promise.all([embedded(photos), embedded(photos)]);
  assert.deepEqual(one.vectors, two.vectors);
});

test("rows equal those of guie embed, in any block and after a reload", async (t) => {
  const { photos, cache } = textPhotos(t, 0);
  for (let i = 0; i < 40; i++) {
    const image = sharp({
      create: { width: 40 + i, height: 50, channels: 3, background: { r: 6 * i, g: 90, b: 40 } },
    });
    await image.jpeg().toFile(join(photos, nameOf(i)));
  }
  const embedder = new BackboneEmbedder(overrideConfig(tiny("frozen"), { dataDir: photos }));
  t.after(() => embedder.dispose());
  const list = await listOf(photos);
  const plan = { rows: list.rows, madeBy: embedder.madeBy, dtype: "float32" as const, replace: false };
  const features = await ensureFeatureFolder(join(cache, "features"), plan, () =>
    embedder.embedShards(photos, { stage: "photos", total: 40 }),
  );
  const expected = features.readAll();
  for (const _ of ["embedded", "kept"]) {
    const { vectors, files } = await embedPhotos(embedder, list);
    assert.deepEqual(files, list.rows.files);
    assert.equal(vectors.length, expected.length);
    const gap = vectors.data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - expected.data[i]!)),
      0,
    );
    assert.ok(gap <= 1e-6, `${gap}`);
  }
});
