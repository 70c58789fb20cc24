// Folders of features: written and read, killed and resumed, refused, replaced.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { rowOf } from "guie/dist/common/vectors";
import { openFeatures } from "guie/dist/features/feature_files";
import type { EmbedShard, FeaturePlan } from "guie/dist/features/feature_plan";
import { ensureFeatureFolder, writeFeatures } from "guie/dist/features/feature_writer";
import { openFeatureRows } from "guie/dist/features/row_reader";
import { temporaryFolder, writeFile } from "../folders";

/** Returns an embedder: feature j of image "i.png" is i + j / 4, exact in float16. Images in `bad` are skipped. */
function embedderOf(bad: number[] = [], asked: string[] = []): EmbedShard {
  return async (files) => {
    asked.push(...files);
    const numbers = files.map((file) => Number.parseInt(file, 10));
    const good = numbers.filter((number) => !bad.includes(number));
    const data = Float32Array.from(good.flatMap((number) => [number, number + 0.25, number + 0.5]));
    const skipped = numbers
      .filter((number) => bad.includes(number))
      .map((number) => ({ file: `${number}.png`, reason: "empty file" }));
    return { vectors: { data, count: good.length, length: 3 }, skipped };
  };
}

const filesOf = (count: number) => Array.from({ length: count }, (_, i) => `${i}.png`);
const planOf = (count: number, more: Partial<FeaturePlan> = {}): FeaturePlan => ({
  rows: { files: filesOf(count), labels: filesOf(count).map((_, i) => i % 3) },
  madeBy: { tower: "none" },
  rowsPerShard: 4,
  replace: false,
  ...more,
});

const never = () => Promise.reject(new Error("nothing was to be embedded"));

function folderOf(t: TestContext): string {
  return join(temporaryFolder(t), "set");
}

test("rows, names and labels correspond: ten images, two unreadable, in shards of four", async (t) => {
  const folder = folderOf(t);
  await ensureFeatureFolder(folder, planOf(10), async () => embedderOf([1, 9]));
  const features = openFeatures(folder);
  assert.deepEqual([features.count, features.length, features.dtype, features.skipped], [8, 3, "float16", 2]);
  assert.deepEqual(
    features.shards.map(({ count }) => count),
    [3, 4, 1],
  );
  const { files, labels, folds } = await features.readRows();
  assert.deepEqual(
    [...files],
    [0, 2, 3, 4, 5, 6, 7, 8].map((i) => `${i}.png`),
  );
  assert.deepEqual([...(labels as Int32Array)], [0, 2, 0, 1, 2, 0, 1, 2]);
  assert.equal(folds, undefined);
  const all = features.readAll();
  assert.deepEqual(
    [...all.data],
    [0, 2, 3, 4, 5, 6, 7, 8].flatMap((i) => [i, i + 0.25, i + 0.5]),
  );
  assert.deepEqual([...features.readShard(2).data], [8, 8.25, 8.5]);
  const skipped = readFileSync(join(folder, "skipped.csv"), "utf8");
  assert.equal(skipped, "image_files,reason\n1.png,empty file\n9.png,empty file\n");
});

test("a start that is killed in the third shard leaves no summary; the next start embeds only that shard", async (t) => {
  const folder = folderOf(t);
  let shards = 0;
  const dying: EmbedShard = (files, start) =>
    ++shards === 3 ? Promise.reject(new Error("killed")) : embedderOf([1])(files, start);
  await assert.rejects(
    ensureFeatureFolder(folder, planOf(10), async () => dying),
    /killed/,
  );
  assert.throws(() => openFeatures(folder), /not finished[\s\S]*it continues/);
  const asked: string[] = [];
  await ensureFeatureFolder(folder, planOf(10), async () => embedderOf([1], asked));
  assert.deepEqual(asked, ["8.png", "9.png"]);
  const resumed = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "hex")]);

  const unbroken = folderOf(t);
  await ensureFeatureFolder(unbroken, planOf(10), async () => embedderOf([1]));
  assert.deepEqual(
    resumed,
    readdirSync(unbroken).map((name) => [name, readFileSync(join(unbroken, name), "hex")]),
  );
});

test("finished features are reused; other features are refused, or replaced on request", async (t) => {
  const folder = folderOf(t);
  await ensureFeatureFolder(folder, planOf(10), async () => embedderOf());
  assert.equal((await ensureFeatureFolder(folder, planOf(10), never)).count, 10);
  await assert.rejects(ensureFeatureFolder(folder, planOf(5), never), /other images[\s\S]*--overwrite/);
  const remade = { madeBy: { tower: "another" } };
  await assert.rejects(ensureFeatureFolder(folder, planOf(10, remade), never), /other images/);
  const fewer = await ensureFeatureFolder(folder, planOf(5, { replace: true }), async () => embedderOf());
  assert.equal(fewer.count, 5);
  assert.deepEqual(readdirSync(folder).sort(), [
    "features.json",
    "features_00000.safetensors",
    "features_00001.safetensors",
    "rows.csv",
  ]);
  // the same images with other classes: nothing is embedded again
  const labels = [4, 3, 2, 1, 0];
  await ensureFeatureFolder(folder, planOf(5, { rows: { files: filesOf(5), labels } }), never);
  assert.deepEqual([...((await openFeatures(folder).readRows()).labels as Int32Array)], labels);
});

test("single rows are read from their shards, in either number format", async (t) => {
  for (const dtype of ["float16", "float32"] as const) {
    const folder = folderOf(t);
    await ensureFeatureFolder(folder, planOf(10, { dtype }), async () => embedderOf([1, 9]));
    const features = openFeatures(folder);
    const rows = openFeatureRows(features);
    const all = features.readAll();
    for (let row = features.count - 1; row >= 0; row--)
      assert.deepEqual(rows.read(row), rowOf(all, row), `${dtype}, row ${row}`);
    assert.throws(() => rows.read(features.count), /There are 8 rows; row 8/);
    rows.close();
  }
});

test("float16 takes half the space and refuses numbers that it cannot hold; float32 holds them", async (t) => {
  const vectors = { data: Float32Array.of(1, 2, 70000, 4), count: 2, length: 2 };
  const folder = folderOf(t);
  await assert.rejects(
    writeFeatures(folder, planOf(2, { dtype: "float16" }), vectors),
    /A feature of 1\.png is 70000: float16 ends at 65,504.*--dtype float32/s,
  );
  assert.ok(!existsSync(join(folder, "features.json")));
  await writeFeatures(folder, planOf(2, { dtype: "float32" }), vectors);
  assert.deepEqual(openFeatures(folder).readAll(), vectors);

  const sizes = [];
  for (const dtype of ["float16", "float32"] as const) {
    const path = folderOf(t);
    const data = new Float32Array(8000).fill(1 / 3);
    const rows = { files: filesOf(80) };
    await writeFeatures(path, { rows, dtype, madeBy: {}, replace: false }, { data, count: 80, length: 100 });
    sizes.push(statSync(join(path, "features_00000.safetensors")).size);
    const [first] = openFeatures(path).readAll().data;
    assert.ok(Math.abs(first! - 1 / 3) < (dtype === "float16" ? 2 ** -13 : 2 ** -25));
  }
  assert.ok(Math.abs(sizes[1]! - sizes[0]! - 16000) < 16);
});

test("numbers that are too large for float16 are kept as float32 if no format is requested", async (t) => {
  const folder = folderOf(t);
  // shards of two: the first fits, the second does not; the same plan again recomputes nothing
  const data = Float32Array.of(1, 65519, 3, 4, -65520, 1e30, 7, 8);
  const plan = planOf(4, { rowsPerShard: 2 });
  await writeFeatures(folder, plan, { data, count: 4, length: 2 });
  const made = () => [0, 1].map((i) => statSync(join(folder, `features_0000${i}.safetensors`)).ino);
  const before = made();
  const features = await writeFeatures(folder, plan, { data, count: 4, length: 2 });
  assert.deepEqual(made(), before);
  assert.equal(features.dtype, "float32");
  assert.deepEqual([...features.readAll().data], [1, 65504, 3, 4, -65520, Math.fround(1e30), 7, 8]);
  await assert.rejects(
    writeFeatures(folder, { ...plan, dtype: "float16" }, { data, count: 4, length: 2 }),
    /holds these features as float32; some numbers do not fit float16\.\n {2}Next: Leave --dtype out/,
  );
  await assert.rejects(
    writeFeatures(folderOf(t), { ...plan, dtype: "float16" }, { data, count: 4, length: 2 }),
    /A feature of 2\.png is -65520: float16 ends/,
  );
});

test("the error about a feature that is not finite names its image, also in float32 and after a skipped image", async (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const vectors = { data: Float32Array.of(1, 2, value, 4), count: 2, length: 2 };
    const skipped = [{ file: "0.png", reason: "broken" }];
    await assert.rejects(
      ensureFeatureFolder(folderOf(t), planOf(3, { dtype: "float32" }), async () => async () => ({
        vectors,
        skipped,
      })),
      new RegExp(`A feature of 2\\.png is ${value}: it cannot be compared`),
    );
  }
});

test("an error names an image if none can be read", async (t) => {
  const run = ensureFeatureFolder(folderOf(t), planOf(2), async () => embedderOf([0, 1]));
  await assert.rejects(run, /None of 2 images could be read; the first: 0\.png: empty file/);
});

test("features that are being replaced stay until the new ones are complete; an interrupted start is continued", async (t) => {
  const folder = folderOf(t);
  await ensureFeatureFolder(folder, planOf(10), async () => embedderOf());
  const files = () => readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "hex")]);
  const before = files();
  const plan = planOf(12, { replace: true, madeBy: { tower: "another" } });
  await assert.rejects(
    ensureFeatureFolder(folder, plan, () => Promise.reject(new Error("no such weights"))),
    /no such weights/,
  );
  assert.deepEqual(files(), before);
  let shards = 0;
  const dying: EmbedShard = async (some, start) => {
    if (++shards === 3) throw new Error("killed");
    return embedderOf()(some, start);
  };
  await assert.rejects(
    ensureFeatureFolder(folder, plan, async () => dying),
    /killed/,
  );
  assert.deepEqual(files(), before);
  const asked: string[] = [];
  await ensureFeatureFolder(folder, plan, async () => embedderOf([], asked));
  assert.deepEqual(asked, ["8.png", "9.png", "10.png", "11.png"]);
  assert.equal(openFeatures(folder).count, 12);
  assert.deepEqual(readdirSync(join(folder, "..")), ["set"]);
});

test("a folder that holds anything but features is never written to", async (t) => {
  const folder = folderOf(t);
  const never = () => Promise.reject(new Error("nothing was to be embedded"));
  for (const mine of ["rows.csv", "skipped.csv", "1.jpg"]) {
    writeFile(join(folder, mine), "mine");
    for (const replace of [false, true]) {
      await assert.rejects(
        ensureFeatureFolder(folder, planOf(2, { replace }), never),
        /holds what is not part of a folder of features: 1\.jpg|is not a folder of features/,
      );
    }
  }
  assert.deepEqual(readdirSync(folder).sort(), ["1.jpg", "rows.csv", "skipped.csv"]);
});

test("the second of two processes on one folder waits, and uses the features of the first", async (t) => {
  const folder = folderOf(t);
  const asked: string[] = [];
  const embed = () => ensureFeatureFolder(folder, planOf(10), async () => embedderOf([], asked));
  const [first, second] = await Promise.all([embed(), embed()]);
  assert.deepEqual([first.count, second.count], [10, 10]);
  assert.deepEqual(asked, filesOf(10));
  const others = () => ensureFeatureFolder(folder, planOf(5), async () => embedderOf());
  await assert.rejects(others(), /other images/);
});

test("the error about a damaged features.json names the invalid key; a damaged shard is refused by its checksum", async (t) => {
  const folder = folderOf(t);
  await ensureFeatureFolder(folder, planOf(5), async () => embedderOf());
  const [summary, shard] = [join(folder, "features.json"), join(folder, "features_00000.safetensors")];
  const text = readFileSync(summary, "utf8");
  for (const [damaged, message] of [
    [text.replace('"count"', '"counu"'), /features\.json does not fit: count: /],
    [text.replace('"shards"', '"shardr"'), /does not fit: shards: /],
    [text.replace('"count": 5', '"count": 4'), /its shards do not hold count rows together/],
    [text.replace('"float16"', '"float17"'), /dtype: /],
    [text.replace("features_00000", "../00000"), /shards\.0\.file: no file's name/],
    ["null", /does not fit: /],
  ] as const) {
    assert.notEqual(damaged, text);
    writeFileSync(summary, damaged);
    assert.throws(() => openFeatures(folder), message);
  }
  writeFileSync(summary, text);
  const bytes = readFileSync(shard);
  bytes[bytes.length - 2]! ^= 1;
  writeFileSync(shard, bytes);
  assert.throws(
    () => openFeatures(folder).readAll(),
    /features_00000\.safetensors is damaged: tensor "features" is not as it was written .*Delete .*features\.json, too, and embed again/s,
  );
  // the advice of the message is enough, and the other shard is kept
  rmSync(shard);
  rmSync(summary);
  const asked: string[] = [];
  const again = await ensureFeatureFolder(folder, planOf(5), async () => embedderOf([], asked));
  assert.deepEqual([again.count, asked.length], [5, 4]);
});

test("a changed rows.csv is refused, also where its form is right; folders of earlier versions have no sum", async (t) => {
  const folder = folderOf(t);
  await ensureFeatureFolder(folder, planOf(4), async () => embedderOf());
  const [rows, summary] = ["rows.csv", "features.json"].map((name) => join(folder, name)) as [string, string];
  const [whole, text] = [readFileSync(rows, "utf8"), readFileSync(summary, "utf8")];
  writeFileSync(rows, whole.replace("2.png,2", "2.png,1"));
  await assert.rejects(openFeatures(folder).readRows(), /rows\.csv is not what was written[\s\S]*rowsCrc32/);
  const { rowsCrc32, ...older } = JSON.parse(text);
  assert.equal(typeof rowsCrc32, "number");
  writeFileSync(summary, JSON.stringify(older));
  assert.deepEqual(Array.from((await openFeatures(folder).readRows()).labels!), [0, 1, 1, 0]);
  writeFileSync(summary, text);
  writeFileSync(rows, whole);
  assert.deepEqual(Array.from((await openFeatures(folder).readRows()).labels!), [0, 1, 2, 0]);
});
