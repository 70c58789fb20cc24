// Drawing the demo: reproducible, replaceable, interruptible.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readCsv } from "guie/dist/common/csv/csv";
import { requestInterrupt } from "guie/dist/common/interrupt";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { type DrawDemoOptions, drawDemo } from "guie/dist/datasets/demo/draw";
import { DEMO_DATASETS } from "guie/dist/datasets/demo/groups";
import type { DemoStamp } from "guie/dist/datasets/demo/stamp";
import { getData } from "guie/dist/datasets/get_data";
import { readImageRows } from "guie/dist/datasets/rows";
import { findDuplicates } from "guie/dist/inspection/duplicates";
import { preprocessedImage } from "guie/dist/preprocessing/layout";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { FOLDS_CSV } from "guie/dist/tables/layout";
import { mergeTables } from "guie/dist/tables/merge_tables";
import sharp from "sharp";
import { removeDataDir, temporaryDataDir, writeFiles } from "./miniature";

// Ten classes of each group: 70 classes, about 490 pictures, and about 230 further views in one of them.
const SUBSET = { seed: 999, classesPerGroup: 10 };
let dataDir: string;
let stamp: DemoStamp;

before(async () => {
  dataDir = temporaryDataDir();
  stamp = await drawDemo({ dataDir, ...SUBSET });
});
after(() => removeDataDir(dataDir));

/** Returns path -> SHA-256 of every file below a folder. */
function hashes(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(files.map((path) => [path.slice(folder.length), hash(path)]));
}

async function draw(options: Omit<DrawDemoOptions, "seed" | "classesPerGroup">, seed = SUBSET.seed) {
  return drawDemo({ ...SUBSET, ...options, seed });
}

test("two drawings with one seed are the same, byte for byte", async (t) => {
  const second = temporaryDataDir(t);
  await draw({ dataDir: second });
  assert.deepEqual(hashes(second), hashes(dataDir));
});

test("the ordinary readers read the seven drawn data sets", async () => {
  const origins = await readCsv(join(dataDir, "demo_images.csv"), ["image_files", "code_point", "held_out"]);
  assert.equal(origins.length, stamp.images);
  const codePoints = new Map(origins.map((row) => [row.image_files!, row.code_point!]));
  for (const [index, dataset] of DEMO_DATASETS.entries()) {
    const { csv, rows, classes, skipped } = await getData(dataDir, dataset);
    const { trainImages, trainClasses, heldOutClasses } = stamp.groups[index]!;
    assert.deepEqual([rows, classes, heldOutClasses], [trainImages, trainClasses, 2], dataset);
    assert.equal(skipped.duplicateRows, dataset === "Shopee" ? Math.ceil(trainImages / 20) : 0);
    // One class number per code point, and one code point per class.
    const pairs = (await readImageRows(csv)).map(
      ({ imageFile, label }) => `${label} ${codePoints.get(imageFile)}`,
    );
    assert.equal(new Set(pairs).size, classes, dataset);
    assert.ok(!pairs.some((pair) => pair.endsWith("undefined")), dataset);
  }
});

test("held-out classes are not in training; noto and openmoji are queries, the others the index", async () => {
  const origins = await readCsv(join(dataDir, "demo_images.csv"), ["code_point"]);
  const codePoints = (heldOut: string) =>
    new Set(origins.filter((row) => row.held_out === heldOut).map((row) => row.code_point!));
  const [training, heldOut] = [codePoints("0"), codePoints("1")];
  assert.deepEqual([training.size, heldOut.size], [56, 14]);
  assert.ok([...heldOut].every((codePoint) => !training.has(codePoint)));

  const vendors = new Map(origins.map((row) => [row.image_files!, row.vendor!]));
  const isQuery = (file: string) => ["noto", "openmoji"].includes(vendors.get(file)!);
  const queries = await readImageRows(join(dataDir, "retrieval/queries.csv"));
  const index = await readImageRows(join(dataDir, "retrieval/index.csv"));
  assert.ok(queries.every(({ imageFile }) => isQuery(imageFile)));
  assert.ok(!index.some(({ imageFile }) => isQuery(imageFile)));
  const labels = [...Array(14).keys()];
  assert.deepEqual([...new Set(queries.map(({ label }) => label))], labels);
  assert.deepEqual([...new Set(index.map(({ label }) => label))], labels);
  const classes = await readCsv(join(dataDir, "retrieval/classes.csv"), ["labels", "class_name", "group"]);
  assert.deepEqual(
    classes.map((row) => Number(row.labels)),
    labels,
  );
});

test("groups.csv has the views of each drawing of the large class", async () => {
  const origins = await readCsv(join(dataDir, "demo_images.csv"), ["image_files", "vendor", "code_point"]);
  const drawingOf = new Map(origins.map((row) => [row.image_files!, `${row.code_point} ${row.vendor}`]));
  const rows = await readCsv(join(dataDir, "groups.csv"), ["image_files", "group"]);
  assert.equal(rows.length, 240);
  const pairs = new Set(rows.map((row) => `${row.group} ${drawingOf.get(row.image_files!)}`));
  const groups = new Set(rows.map(({ group }) => group));
  assert.equal(pairs.size, groups.size);
  assert.ok(rows.every((row) => row.image_files!.startsWith("raw/")));
});

test("views of one drawing share a fold, and the search for duplicates shows them", async () => {
  const [view] = await readCsv(join(dataDir, "groups.csv"), ["image_files", "group"]);
  const dataset = findDataSet(view!.image_files!.split("/")[1]!);
  await getData(dataDir, dataset.name);
  await preprocessDataset({ dataDir, dataset });
  await mergeTables({ dataDir, datasets: [dataset], seed: SUBSET.seed, maxPerClass: 240 });
  const groups = new Map(
    (await readCsv(join(dataDir, "groups.csv"), ["image_files", "group"])).map((row) => [
      preprocessedImage(row.image_files!, dataset),
      row.group!,
    ]),
  );
  const folds = new Map<string, Set<string>>();
  for (const row of await readCsv(join(dataDir, FOLDS_CSV), ["new_image_files", "fold"])) {
    const group = groups.get(row.new_image_files!) ?? row.new_image_files!;
    folds.set(group, (folds.get(group) ?? new Set()).add(row.fold!));
  }
  assert.ok([...folds.values()].every(({ size }) => size === 1));
  const { counts, pairs } = await findDuplicates({ dataDir });
  assert.equal(counts["train and validation"], 0);
  const alike = pairs.filter(({ imageA, imageB }) => groups.has(imageA) && groups.has(imageB));
  assert.ok(alike.length > 20, `${alike.length} pairs`);
  for (const { imageA, imageB } of alike) assert.equal(groups.get(imageA), groups.get(imageB));
});

test("every file has the format of its name, and can be decoded", async () => {
  const origins = await readCsv(join(dataDir, "demo_images.csv"), ["image_files"]);
  const check = async (file: string) => {
    const { format } = await sharp(join(dataDir, file)).metadata();
    assert.equal(format, file.endsWith(".png") ? "png" : "jpeg");
    await sharp(join(dataDir, file), { failOn: "warning" }).raw().toBuffer();
  };
  await Promise.all(origins.map((row) => check(row.image_files!)));
});

test("a second call does nothing; another seed replaces the demo's files; nothing else is touched", async (t) => {
  const ownDir = temporaryDataDir(t);
  writeFiles(ownDir, ["raw/mine/1.jpg", "csv/mine.csv"]);
  const drawn = await draw({ dataDir: ownDir });
  const drawnAtMs = statSync(join(ownDir, "raw/rp2k")).mtimeMs;
  assert.deepEqual(await draw({ dataDir: ownDir }), drawn);
  assert.equal(statSync(join(ownDir, "raw/rp2k")).mtimeMs, drawnAtMs);

  const added = "raw/Food2021/mine/1.jpg";
  writeFiles(ownDir, [added]);
  const all = hashes(ownDir);
  await assert.rejects(
    draw({ dataDir: ownDir }, 7),
    new RegExp(`files that the demo did not draw: ${added}\\. Nothing was changed`),
  );
  assert.deepEqual(hashes(ownDir), all);
  rmSync(join(ownDir, "raw/Food2021/mine"), { recursive: true });

  const before = hashes(join(ownDir, "retrieval"));
  const other = await draw({ dataDir: ownDir }, 7);
  assert.equal(other.recipe.seed, 7);
  assert.notDeepEqual(Object.keys(hashes(join(ownDir, "retrieval"))), Object.keys(before));
  assert.ok(existsSync(join(ownDir, "raw/mine/1.jpg")) && existsSync(join(ownDir, "csv/mine.csv")));
  assert.deepEqual(readdirSync(ownDir).sort(), [
    "csv",
    "demo.json",
    "demo_images.csv",
    "groups.csv",
    "raw",
    "retrieval",
  ]);
});

test("the next call removes the files of a killed drawing, even if there is nothing to draw", async () => {
  const { pid } = spawnSync("true");
  const [dead, living] = [pid, process.pid].map((writer) => `demo.${writer}.0123abcd.tmp`) as [
    string,
    string,
  ];
  writeFiles(dataDir, [`${dead}/raw/rp2k/train/a/1.jpg`, `${living}/raw/1.jpg`]);
  await draw({ dataDir });
  assert.deepEqual(
    [dead, living].map((name) => existsSync(join(dataDir, name))),
    [false, true],
  );
  rmSync(join(dataDir, living), { recursive: true });
});

test("folders that the demo did not make are not overwritten", async (t) => {
  const ownDir = temporaryDataDir(t);
  writeFiles(ownDir, ["raw/Shopee/train_images/mine.jpg"]);
  await assert.rejects(
    draw({ dataDir: ownDir }),
    /raw\/Shopee, where there is something that the demo did not make/,
  );
  assert.deepEqual(readdirSync(ownDir), ["raw"]);
  writeFileSync(join(ownDir, "demo.json"), "{}");
  await assert.rejects(draw({ dataDir: ownDir }), /demo\.json is not the stamp of a demo data set/);
});

test("an interrupted drawing leaves nothing behind, and a half-placed one is drawn again", async (t) => {
  const ownDir = temporaryDataDir(t);
  const onProgress = () => requestInterrupt();
  await assert.rejects(draw({ dataDir: ownDir, onProgress }), { name: "Interrupted" });
  assert.deepEqual(readdirSync(ownDir), []);

  // The state after a crash between two renames: some folders in place, the stamp incomplete.
  writeFiles(ownDir, ["raw/rp2k/train/a/1.jpg"]);
  writeFileSync(join(ownDir, "demo.json"), JSON.stringify({ ...stamp, complete: false }));
  await draw({ dataDir: ownDir });
  assert.deepEqual(hashes(join(ownDir, "raw")), hashes(join(dataDir, "raw")));
});
