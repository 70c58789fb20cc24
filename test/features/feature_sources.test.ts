// Features follow the content of their images: replaced, touched, repaired, missing for a while.
import assert from "node:assert/strict";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { contentOf } from "guie/dist/common/files/fingerprint";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { openFeatures } from "guie/dist/features/feature_files";
import type { EmbedShard, FeaturePlan } from "guie/dist/features/feature_plan";
import { countChangedImages, ensureFeatureFolder, writeFeatures } from "guie/dist/features/feature_writer";
import { imageEmbedder } from "guie/dist/features/features";
import { loadBackbone } from "guie/dist/model/backbone";
import sharp from "sharp";
import { temporaryFolder } from "../folders";

const svg = (hue: number) =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="hsl(${hue},80%,50%)"/></svg>`,
  );
/** Returns a picture of the same size in bytes for every hue. */
const picture = async (hue: number) => {
  const png = await sharp(svg(hue)).png().toBuffer();
  return Buffer.concat([png, Buffer.alloc(400 - png.length)]);
};
const nameOf = (i: number) => `${String(i).padStart(2, "0")}.png`;

/** Creates ten images, and a plan for them in shards of four. */
async function tenImages(t: TestContext): Promise<{ images: string; out: string; plan: FeaturePlan }> {
  const folder = temporaryFolder(t);
  const images = join(folder, "images");
  mkdirSync(images);
  for (let i = 0; i < 10; i++) writeFileSync(join(images, nameOf(i)), await picture(36 * i));
  const rows = { files: Array.from({ length: 10 }, (_, i) => nameOf(i)) };
  const plan = { rows, madeBy: {}, rowsPerShard: 4, replace: false, sources: { folder: images } };
  return { images, out: join(folder, "out"), plan };
}

/**
 * Returns an embedder: the feature is the third byte of the image's hash; files that begin with "no" are unreadable.
 */
function hashEmbedder(images: string, asked: string[] = []): () => Promise<EmbedShard> {
  return async () => async (files) => {
    asked.push(...files);
    const bytes = files.map((file) => readFileSync(join(images, file)));
    const isBad = (i: number) => bytes[i]!.subarray(0, 2).toString() === "no";
    const good = bytes.filter((_, i) => !isBad(i));
    return {
      vectors: {
        data: Float32Array.from(good, (file) => Number.parseInt(contentOf(file).slice(0, 2), 16)),
        count: good.length,
        length: 1,
      },
      skipped: files.filter((_, i) => isBad(i)).map((file) => ({ file, reason: "no image" })),
      contents: bytes.map(contentOf),
    };
  };
}

const never = () => Promise.reject(new Error("nothing was to be embedded"));
const filesOf = (out: string) =>
  Object.fromEntries(
    readdirSync(out)
      .filter((name) => name !== "sources.json")
      .map((name) => [name, readFileSync(join(out, name), "hex")]),
  );

test("replacing an image by one of the same size and an older date recomputes its shard, and no other", async (t) => {
  const { images, out, plan } = await tenImages(t);
  await ensureFeatureFolder(out, plan, hashEmbedder(images));
  await ensureFeatureFolder(out, plan, never);
  const path = join(images, nameOf(5));
  const { size, mtime } = statSync(path);
  writeFileSync(path, await picture(333));
  utimesSync(path, new Date(mtime.getTime() - 1e6), new Date(mtime.getTime() - 1e6));
  assert.equal(statSync(path).size, size);

  assert.equal(await countChangedImages(openFeatures(out), images), 1);
  const asked: string[] = [];
  await ensureFeatureFolder(out, plan, hashEmbedder(images, asked));
  assert.deepEqual(asked, [4, 5, 6, 7].map(nameOf));
  const fresh = join(temporaryFolder(t), "fresh");
  await ensureFeatureFolder(fresh, plan, hashEmbedder(images));
  assert.deepEqual(filesOf(out), filesOf(fresh));
  assert.equal(await countChangedImages(openFeatures(out), images), 0);
});

test("images that were touched, moved away and back, or deleted keep their features", async (t) => {
  const { images, out, plan } = await tenImages(t);
  await ensureFeatureFolder(out, plan, hashEmbedder(images));
  utimesSync(join(images, nameOf(0)), 7, 7);
  writeFileSync(join(images, "copy"), readFileSync(join(images, nameOf(1))));
  renameSync(join(images, "copy"), join(images, nameOf(1)));
  rmSync(join(images, nameOf(2)));
  assert.equal((await ensureFeatureFolder(out, plan, never)).count, 10);
  // All images, with their disk: the features stay.
  renameSync(images, `${images}_away`);
  assert.equal((await ensureFeatureFolder(out, plan, never)).count, 10);
});

test("images that were repaired, became readable or came back are embedded", async (t) => {
  const { images, out, plan } = await tenImages(t);
  const [broken, missing, odd] = [join(images, nameOf(3)), join(images, nameOf(8)), join(images, nameOf(6))];
  writeFileSync(broken, "no image at all");
  rmSync(missing);
  const first = await ensureFeatureFolder(out, plan, hashEmbedder(images));
  assert.deepEqual([first.count, first.skipped], [8, 2]);
  const skipped = () => readFileSync(join(out, "skipped.csv"), "utf8");
  assert.equal(skipped(), `image_files,reason\n${nameOf(3)},no image\n${nameOf(8)},missing file\n`);
  assert.equal(
    (await ensureFeatureFolder(out, plan, never)).count,
    8,
    "as before, nothing is embedded again",
  );

  writeFileSync(broken, await picture(1));
  assert.equal(await countChangedImages(openFeatures(out), images), 1);
  assert.equal((await ensureFeatureFolder(out, plan, hashEmbedder(images))).count, 9);
  writeFileSync(missing, await picture(2));
  assert.equal((await ensureFeatureFolder(out, plan, hashEmbedder(images))).count, 10);
  assert.ok(!readdirSync(out).includes("skipped.csv"));

  // The shard is from a version that could not read an image that this one can read.
  const other = join(temporaryFolder(t), "other");
  const blind: EmbedShard = async (files, start) => {
    const found = await (await hashEmbedder(images)())(files, start);
    const at = files.indexOf(nameOf(6));
    if (at < 0) return found;
    const data = found.vectors.data.filter((_, row) => row !== at);
    const skipped = [{ file: nameOf(6), reason: "not yet" }];
    return { ...found, vectors: { data, count: data.length, length: 1 }, skipped };
  };
  assert.equal((await ensureFeatureFolder(other, plan, async () => blind)).count, 9);
  const asked: string[] = [];
  assert.equal((await ensureFeatureFolder(other, plan, hashEmbedder(images, asked))).count, 10);
  assert.deepEqual(asked, [4, 5, 6, 7].map(nameOf));
  assert.ok(statSync(odd).size > 0);
});

test("images that vanish with their folder do not count as missing: nothing is recorded about them", async (t) => {
  const { images, out, plan } = await tenImages(t);
  renameSync(images, `${images}_away`);
  mkdirSync(images); // a mount point without its disk
  await assert.rejects(
    ensureFeatureFolder(out, plan, hashEmbedder(images)),
    /images cannot be read now: it is empty, with 4 images that are to be read from it\.\n {2}Next: /,
  );
  assert.deepEqual(readdirSync(out), []);
});

test("features by an earlier version stay, except shards with images that are newer than the shard", async (t) => {
  const { images, out, plan } = await tenImages(t);
  const { sources: _, ...former } = plan;
  rmSync(join(images, nameOf(1))); // as if its disk had been disconnected
  const old = hashEmbedder(images);
  await ensureFeatureFolder(out, former, async () => async (files, start) => {
    const there = files.filter((file) => file !== nameOf(1));
    const { contents: _, ...result } = await (await old())(there, start);
    const skipped = files
      .filter((file) => file === nameOf(1))
      .map((file) => ({ file, reason: "missing file" }));
    return { ...result, skipped };
  });
  const later = new Date(Date.now() + 10);
  for (const name of readdirSync(out)) utimesSync(join(out, name), later, later); // file times are coarse
  await ensureFeatureFolder(out, plan, never);
  while (Date.now() < later.getTime() + 10);
  writeFileSync(join(images, nameOf(9)), await picture(5));
  const asked: string[] = [];
  await ensureFeatureFolder(out, plan, hashEmbedder(images, asked));
  assert.deepEqual(asked, [8, 9].map(nameOf));

  // A missing image is embedded when it is back, although it is older than the shard.
  const back = join(images, nameOf(1));
  writeFileSync(back, await picture(36));
  const latest = new Date(Date.now() + 10_000);
  for (const name of readdirSync(out)) utimesSync(join(out, name), latest, latest);
  assert.equal((await ensureFeatureFolder(out, plan, hashEmbedder(images))).count, 10);
});

test("weights that differ outside the sampled content give other features", async (t) => {
  const { images, out, plan } = await tenImages(t);
  const weights = join(temporaryFolder(t), "weights");
  writeFileSync(weights, "a");
  const withWeights = { ...plan, sources: { folder: images, weights } };
  await ensureFeatureFolder(out, withWeights, hashEmbedder(images));
  await ensureFeatureFolder(out, withWeights, never);
  writeFileSync(weights, "b");
  const asked: string[] = [];
  await ensureFeatureFolder(out, withWeights, hashEmbedder(images, asked));
  assert.equal(asked.length, 10);
});

test("vectors in memory are written again only if they differ", async (t) => {
  const out = join(temporaryFolder(t), "own");
  const plan = { rows: { files: ["a", "b"] }, madeBy: {}, replace: true };
  for (const value of [1, 2]) {
    const vectors = { data: Float32Array.of(value, 3), count: 2, length: 1 };
    assert.deepEqual([...(await writeFeatures(out, plan, vectors)).readAll().data], [value, 3]);
  }
});

test("a source that vanishes after the first shard stops it with a message; when it is back, the result is complete", async (t) => {
  const { images, out, plan } = await tenImages(t);
  const config = overrideConfig(tiny("frozen"), { numWorkers: 1, dataDir: images });
  const backbone = await loadBackbone(config);
  t.after(() => backbone.dispose());
  const embedder = (onProgress: (done: number) => void) => async () =>
    imageEmbedder(config, backbone, {
      stage: "images",
      total: 10,
      onProgress: ({ done }) => onProgress(done),
    });
  const away = `${images}_away`;
  const unplug = (done: number) => done === 4 && renameSync(images, away);
  await assert.rejects(
    ensureFeatureFolder(out, plan, embedder(unplug)),
    /images cannot be read now: it is not there, with 4 images that are to be read from it\.\n {2}Next: Check that its disk/,
  );
  assert.equal(
    readdirSync(out)
      .filter((name) => name !== "sources.json")
      .join(),
    "features_00000.safetensors",
  );
  assert.throws(() => openFeatures(out), /they are not finished/);
  renameSync(away, images);
  const done: number[] = [];
  await ensureFeatureFolder(
    out,
    plan,
    embedder((count) => done.push(count)),
  );
  assert.deepEqual(done, [8, 10], "the first shard was kept");
  const unbroken = join(temporaryFolder(t), "unbroken");
  await ensureFeatureFolder(
    unbroken,
    plan,
    embedder(() => {}),
  );
  assert.deepEqual(filesOf(out), filesOf(unbroken));
});
