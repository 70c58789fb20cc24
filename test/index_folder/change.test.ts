// An index that lives: images added, replaced, removed, compacted; bad input; readers while it changes.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { claim } from "guie/dist/common/files/claim";
import { listRows, rowOf } from "guie/dist/common/vectors";
import { readClassNames } from "guie/dist/datasets/class_names";
import { type Features, openFeatures, withFeatures } from "guie/dist/features/feature_files";
import { countChangedImages, ensureFeatureFolder } from "guie/dist/features/feature_writer";
import { openFeatureRows } from "guie/dist/features/row_reader";
import type { FeatureRows } from "guie/dist/features/rows_csv";
import { addToIndex } from "guie/dist/index_folder/add";
import { compactIndex } from "guie/dist/index_folder/compact";
import { removeFromIndex } from "guie/dist/index_folder/remove";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { temporaryFolder } from "../folders";
import { embedTexts, textEmbedder, vectorOf, writeTexts } from "./text_index";

const NAMES = Array.from({ length: 10 }, (_, i) => `${i}.jpg`);

interface Place {
  index: string;
  photos: string;
}

/** Makes an index of ten files in three shards. */
async function tenFiles(t: TestContext, rows: Partial<FeatureRows> = {}): Promise<Place> {
  const folder = temporaryFolder(t);
  const [index, photos] = [join(folder, "index"), join(folder, "photos")];
  writeTexts(photos, NAMES);
  await embedTexts(index, photos, { files: NAMES, ...rows });
  return { index, photos };
}

/** Checks that every row's vector is that of its file, by every way of reading. @returns the files */
async function filesOf(index: string, photos: string): Promise<string[]> {
  const features = openFeatures(index);
  const files = [...(await features.readRows()).files];
  const all = features.readAll();
  assert.deepEqual([all.count, features.count], [files.length, files.length]);
  const single = openFeatureRows(features);
  const shards = features.shards.flatMap((_, shard) => listRows(features.readShard(shard)));
  for (const [row, file] of files.entries()) {
    const expected = Float32Array.from(vectorOf(readFileSync(join(photos, file))));
    for (const found of [rowOf(all, row), single.read(row), shards[row]])
      assert.deepEqual(found, expected, file);
  }
  single.close();
  return files;
}

const add = (index: string, photos: string, rows: FeatureRows, asked?: string[]) =>
  addToIndex(index, { folder: photos, rows }, textEmbedder(asked));

test("added images follow those from before; changed ones are replaced, known ones not embedded again", async (t) => {
  const { index, photos } = await tenFiles(t);
  writeTexts(photos, ["new/a.jpg", "new/b.jpg"]);
  const asked: string[] = [];
  const files = ["new/a.jpg", "3.jpg", "new/b.jpg"];
  const { added, unchanged, features } = await add(index, photos, { files }, asked);
  assert.deepEqual([added, unchanged, features.count, asked], [2, 1, 12, ["new/a.jpg", "new/b.jpg"]]);
  assert.deepEqual(await filesOf(index, photos), [...NAMES, "new/a.jpg", "new/b.jpg"]);

  writeFileSync(join(photos, "3.jpg"), "another text");
  const again = await add(index, photos, { files: [...files, "new/a.jpg"] }, asked);
  assert.deepEqual([again.added, again.replaced, asked.at(-1)], [0, 1, "3.jpg"]);
  const expected = [...NAMES.filter((name) => name !== "3.jpg"), "new/a.jpg", "new/b.jpg", "3.jpg"];
  assert.deepEqual(await filesOf(index, photos), expected);
  assert.equal(await countChangedImages(openFeatures(index), photos), 0);
  writeFileSync(join(photos, "5.jpg"), "changed, not added");
  assert.equal(await countChangedImages(openFeatures(index), photos), 1);
});

test("removed rows are gone at once, their shards when the index is compacted", async (t) => {
  const { index, photos } = await tenFiles(t);
  const { removed } = await removeFromIndex(index, { files: ["4.jpg", join(photos, "9.jpg")], from: "/" });
  assert.deepEqual(removed, ["4.jpg", "9.jpg"]);
  await removeFromIndex(index, { where: [{ column: "file", isNot: false, value: "0.jpg" }] });
  writeTexts(photos, ["z.jpg"]);
  await add(index, photos, { files: ["z.jpg", "9.jpg"] });
  const expected = [..."1235678"].map((i) => `${i}.jpg`).concat("z.jpg", "9.jpg");
  assert.deepEqual(await filesOf(index, photos), expected);
  const before = readdirSync(index);
  assert.ok((await compactIndex(index)).isChanged);
  assert.deepEqual(await filesOf(index, photos), expected);
  const files = readdirSync(index).filter((name) => name !== "sources.json");
  assert.deepEqual(files.sort(), ["features.json", "features_00006.safetensors", "rows_00006.csv"]);
  assert.ok(before.length > files.length);
  assert.equal((await compactIndex(index)).isChanged, false);
  assert.equal(await countChangedImages(openFeatures(index), photos), 0);
  await assert.rejects(
    removeFromIndex(index, { files: ["1.jpg", "10.jpg"] }),
    /holds no image 10\.jpg[\s\S]*1\.jpg/,
  );
  assert.equal(openFeatures(index).count, expected.length);
});

test("an index of which all is removed is empty, takes images again, and uses no name twice", async (t) => {
  const { index, photos } = await tenFiles(t);
  await removeFromIndex(index, { files: NAMES });
  assert.deepEqual(await filesOf(index, photos), []);
  await compactIndex(index);
  assert.deepEqual(await filesOf(index, photos), []);
  await add(index, photos, { files: ["2.jpg"] });
  assert.deepEqual(await filesOf(index, photos), ["2.jpg"]);
  assert.ok(!existsSync(join(index, "features_00000.safetensors")));
});

test("classes: a name keeps its number, a new one gets the next; images without one are '(no class)'", async (t) => {
  const rows = { labels: NAMES.map((_, i) => i % 2), classNames: ["apple", "pear"] };
  const { index, photos } = await tenFiles(t, rows);
  writeTexts(photos, ["a.jpg", "b.jpg", "c.jpg"]);
  await add(index, photos, { files: ["a.jpg", "b.jpg"], labels: [0, 1], classNames: ["pear", "plum"] });
  await add(index, photos, { files: ["c.jpg"] });
  const { labels } = await openFeatures(index).readRows();
  assert.deepEqual([...(labels as Float64Array)].slice(-3), [1, 2, 3]);
  const names = await readClassNames(join(index, "classes.csv"));
  assert.deepEqual([...names.values()], ["apple", "pear", "plum", "(no class)"]);
  const other = await tenFiles(t);
  writeTexts(other.photos, ["a.jpg"]);
  await add(other.index, other.photos, { files: ["a.jpg"], labels: [0], classNames: ["pear"] });
  const all = (await openFeatures(other.index).readRows()).labels as Float64Array;
  assert.deepEqual([...all], [...NAMES.map(() => 0), 1]);
  assert.equal((await readClassNames(join(other.index, "classes.csv"))).get(0), "(no class)");
  await compactIndex(other.index);
  assert.deepEqual([...((await openFeatures(other.index).readRows()).labels as Float64Array)], [...all]);
});

test("further columns of a table are kept, empty where a row has none", async (t) => {
  const { index, photos } = await tenFiles(t);
  writeTexts(photos, ["a.jpg", "b.jpg"]);
  const columns = new Map([["shelf", ["top", "=1+1"]]]);
  await add(index, photos, { files: ["a.jpg", "b.jpg"], columns });
  await removeFromIndex(index, { files: ["0.jpg"] });
  for (const _ of ["before", "after"]) {
    const rows = await openFeatures(index).readRows();
    assert.deepEqual([...rows.columns!.get("shelf")!], [...Array(9).fill(""), "top", "=1+1"]);
    await compactIndex(index);
  }
});

test("bad input is refused with a message, and nothing is changed", async (t) => {
  const { index, photos } = await tenFiles(t);
  const listing = () => readdirSync(index).map((name) => [name, readFileSync(join(index, name), "hex")]);
  const before = listing();
  for (const [name, text] of Object.entries({ "zero.jpg": "zero", "nan.jpg": "nan", "no.jpg": "no" }))
    writeFileSync(join(photos, name), text);
  const files = ["zero.jpg"];
  await assert.rejects(add(index, photos, { files }), /The vector of zero\.jpg is zero: it has no direction/);
  await assert.rejects(add(index, photos, { files: ["nan.jpg"] }), /A feature of nan\.jpg is NaN/);
  const long = textEmbedder([], {
    embedShards: async () => async () => ({
      vectors: { data: new Float32Array(9).fill(1), count: 1, length: 9 },
      skipped: [],
      contents: ["0".repeat(32)],
    }),
  });
  await assert.rejects(
    addToIndex(index, { folder: photos, rows: { files } }, long),
    /vectors of 8 numbers.*have 9/,
  );
  const other = textEmbedder([], { madeBy: { tower: "another", imageSize: 7 } });
  await assert.rejects(
    addToIndex(index, { folder: photos, rows: { files } }, other),
    /features by the backbone text.*cannot be compared with those by the backbone another at 7 px/,
  );
  const { skipped, added } = await add(index, photos, { files: ["no.jpg"] });
  assert.deepEqual([added, skipped], [0, [{ file: "no.jpg", reason: "no image" }]]);
  assert.deepEqual(listing(), before);
  await assert.rejects(add(join(photos, "none"), photos, { files }), /there is no features\.json/);
  assert.ok(!existsSync(join(photos, "none")));
});

test("of two writers the second is refused; guie embed does not replace a changed index unasked", async (t) => {
  const { index, photos } = await tenFiles(t);
  const { release } = claim(index, "A change of the index");
  await assert.rejects(
    removeFromIndex(index, { files: ["1.jpg"] }),
    /A change of the index in .* is under way \(process \d+/,
  );
  release();
  await removeFromIndex(index, { files: ["1.jpg"] });
  await assert.rejects(embedTexts(index, photos, { files: NAMES }), /holds features of other images/);
  const plan = { rows: { files: NAMES }, madeBy: { tower: "text" }, replace: true };
  const all = { data: new Float32Array(10), count: 10, length: 1 };
  await ensureFeatureFolder(index, plan, async () => async () => ({ vectors: all, skipped: [] }));
  assert.deepEqual(readdirSync(index).sort(), ["features.json", "features_00000.safetensors", "rows.csv"]);
});

test("a reader whose file a compaction has deleted reads the index again", async (t) => {
  const { index, photos } = await tenFiles(t);
  await removeFromIndex(index, { files: ["1.jpg"] });
  const states: Features[] = [];
  const vectors = await withFeatures(index, async (features) => {
    states.push(features);
    if (states.length === 1) {
      writeTexts(photos, ["a.jpg"]);
      await add(index, photos, { files: ["a.jpg"] });
      await compactIndex(index);
    }
    return features.readAll();
  });
  assert.deepEqual([states.length, vectors.count], [2, 10]);
  rmSync(join(index, states[1]!.shards[0]!.file));
  await assert.rejects(
    withFeatures(index, (features) => features.readAll()),
    /Expected a safetensors file/,
  );
});

test("a search of a changed index equals that of one that was built afresh", async (t) => {
  const { index, photos } = await tenFiles(t);
  const more = Array.from({ length: 7 }, (_, i) => `more ${i}.jpg`);
  writeTexts(photos, more);
  await add(index, photos, { files: more });
  await removeFromIndex(index, { files: ["2.jpg", "more 3.jpg"] });
  const { files } = await openFeatures(index).readRows();
  const fresh = await embedTexts(join(photos, "../fresh"), photos, { files: [...files] });
  const queries = fresh.readAll();
  assert.deepEqual(
    await nearestNeighbours(queries, openFeatures(index), 5),
    await nearestNeighbours(queries, fresh, 5),
  );
});
