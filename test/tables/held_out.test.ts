// Classes held out at the merge: none is in training, none of their images is lost, and nothing undoes it unasked.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { messageOf } from "guie/dist/common/errors";
import { readClassNames } from "guie/dist/datasets/class_names";
import { retrievalLabels } from "guie/dist/experiments/compare";
import { heldOutBefore } from "guie/dist/tables/held_out";
import { RETRIEVAL_FILES } from "guie/dist/tables/layout";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { temporaryFolder, writeFile } from "../folders";
import { FILES, named, readRows, rowsOfSizes, tally, writeDataset } from "./make";

const DATASETS = [named("a"), named("b")];
interface RetrievalRow {
  image_files: string;
  labels: string;
}

function makeData(dataDir: string): void {
  writeDataset(dataDir, "a", rowsOfSizes("a", [10, 10, 10, 10, 10, 10, 1, 1, 10]));
  writeDataset(dataDir, "b", rowsOfSizes("b", [3, 3, 3]));
}

test("a third of each data set's classes become queries and index; the others are numbered without gaps", async (t) => {
  const dataDir = temporaryFolder(t);
  makeData(dataDir);
  const counts = await mergeTables({ dataDir, datasets: DATASETS, holdOut: 1 / 3 });
  assert.equal(counts[0]!.classes, 8);
  const [merged, queries, index] = [FILES[0], "retrieval/queries.csv", "retrieval/index.csv"].map((file) =>
    readRows(dataDir, file),
  );
  const heldRows = [queries, index].map((rows) => rows as unknown as RetrievalRow[]);
  const classOf = (file: string) => file.split("_")[0]!; // "a/3"
  const trained = new Set(merged!.map((row) => classOf(row.new_image_files)));
  const held = new Set(heldRows.flat().map((row) => classOf(row.image_files)));
  assert.equal([...held].filter((name) => name.startsWith("a/")).length, 3);
  assert.equal([...held].filter((name) => name.startsWith("b/")).length, 1);
  assert.deepEqual(
    [...held].filter((name) => trained.has(name) || ["a/6", "a/7"].includes(name)),
    [],
    "no class on both sides, none of a single image held out",
  );
  assert.equal(merged!.length + heldRows.flat().length, 81, "no image is lost");
  assert.deepEqual([...new Set(merged!.map((row) => Number(row.new_labels)))], [0, 1, 2, 3, 4, 5, 6, 7]);
  const [queryCounts, indexCounts] = heldRows.map((rows) => tally(rows, (row) => classOf(row.image_files)));
  for (const name of held) {
    assert.equal(queryCounts!.get(name), name.startsWith("a/") ? 2 : 1);
    assert.equal(indexCounts!.get(name), name.startsWith("a/") ? 8 : 2);
  }
  const labels = new Map(heldRows.flat().map((row) => [classOf(row.image_files), row.labels]));
  assert.deepEqual([...labels.values()].sort(), ["0", "1", "2", "3"]);
  assert.equal(new Set(heldRows.flat().map((row) => `${row.labels} ${classOf(row.image_files)}`)).size, 4);
  const classes = readFileSync(join(dataDir, FILES[4]), "utf8").trim().split("\n").slice(1);
  assert.deepEqual(
    classes.map((line) => Number(line.split(",")[0])),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );

  const before = readFileSync(join(dataDir, "retrieval/queries.csv"), "utf8");
  await assert.rejects(
    mergeTables({ dataDir, datasets: DATASETS }),
    /would train on them[\s\S]*--hold-out 0\.333/,
  );
  await mergeTables({ dataDir, datasets: DATASETS, holdOut: 1 / 3 });
  assert.equal(readFileSync(join(dataDir, "retrieval/queries.csv"), "utf8"), before, "the same again");
  await mergeTables({ dataDir, datasets: DATASETS, holdOut: 1 / 3, seed: 1 });
  assert.notEqual(readFileSync(join(dataDir, "retrieval/queries.csv"), "utf8"), before, "another seed");
  rmSync(join(dataDir, "retrieval"), { recursive: true });
  assert.equal((await mergeTables({ dataDir, datasets: DATASETS }))[0]!.classes, 12);
  assert.ok(!existsSync(join(dataDir, "retrieval")));
});

test("held-out classes keep their names, and their data sets as groups", async (t) => {
  const dataDir = temporaryFolder(t);
  makeData(dataDir);
  writeFile(join(dataDir, "csv/a_classes.csv"), "labels,class_name\n0,Äpfel\n1,B\n2,C\n3,D\n4,E\n5,F\n8,I\n");
  await mergeTables({ dataDir, datasets: DATASETS, holdOut: 1 / 3 });
  const names = await readClassNames(join(dataDir, "retrieval/classes.csv"));
  const named = ["Äpfel", "B", "C", "D", "E", "F", "6", "7", "I"]; // by label of data set a
  const rows = ["queries", "index"].flatMap(
    (part) => readRows(dataDir, `retrieval/${part}.csv`) as unknown as RetrievalRow[],
  );
  for (const { image_files, labels } of rows) {
    const [set, label] = image_files.split("_")[0]!.split("/"); // "a/3"
    const expected = set === "a" ? named[Number(label)] : label;
    assert.equal(names.get(Number(labels)), expected, image_files);
  }
  const files = (await readRetrievalFiles(dataDir))!;
  const { queryDatasets } = await retrievalLabels(dataDir, files);
  assert.deepEqual(
    queryDatasets,
    files.queries.files.map((file) => file.split("/").at(-2)),
  );
});

test("an earlier hold-out is repeated with its own seed; names that a person wrote stay", async (t) => {
  const dataDir = temporaryFolder(t);
  makeData(dataDir);
  assert.equal(heldOutBefore(dataDir), undefined);
  await mergeTables({ dataDir, datasets: DATASETS, holdOut: 0.3, seed: 2 });
  const queries = () => readFileSync(join(dataDir, "retrieval/queries.csv"), "utf8");
  const before = queries();
  const standing = heldOutBefore(dataDir)!;
  assert.deepEqual([standing.share, standing.seed], [0.3, 2]);
  await mergeTables({ dataDir, datasets: DATASETS, holdOut: standing, seed: 1 });
  assert.equal(queries(), before, "the same classes and queries, although the merge has another seed");
  assert.deepEqual(heldOutBefore(dataDir), standing);

  // As by an earlier version, without names; a person wrote them
  const { classes } = RETRIEVAL_FILES;
  writeFile(join(dataDir, RETRIEVAL_FILES.heldOut), JSON.stringify(standing));
  writeFile(join(dataDir, classes), "labels,class_name\n0,mine\n");
  const again = () => mergeTables({ dataDir, datasets: DATASETS, holdOut: standing });
  await assert.rejects(again(), /classes\.csv was not written by a merge[\s\S]*Next: Move that file away/);
  assert.equal(readFileSync(join(dataDir, classes), "utf8"), "labels,class_name\n0,mine\n");
  rmSync(join(dataDir, classes));
  await again();
  assert.ok(existsSync(join(dataDir, classes)));
});

test("a retrieval set of other origin stays, and a share that holds out nothing is refused", async (t) => {
  const dataDir = temporaryFolder(t);
  makeData(dataDir);
  writeFile(join(dataDir, "retrieval/queries.csv"), "image_files,labels\nx.jpg,0\n");
  await assert.rejects(
    mergeTables({ dataDir, datasets: DATASETS, holdOut: 0.3 }),
    /retrieval set that Data_Merge did not make/,
  );
  rmSync(join(dataDir, "retrieval"), { recursive: true });
  await assert.rejects(
    mergeTables({ dataDir, datasets: DATASETS, holdOut: 0.01 }),
    /holds out 0 classes and leaves 12/,
  );
  assert.ok(!existsSync(join(dataDir, FILES[0])));
});

/** Class sizes by data set, the requested share, and the advised share; undefined if no share works. */
const ADVICE: [sizes: Record<string, number[]>, share: number, advised: string | undefined][] = [
  [{ a: [5, 5] }, 0.33, undefined],
  [{ a: [5, 5, 5] }, 0.9, "0.45"],
  [{ a: [5, 5, 5, 1] }, 0.01, "0.15"],
  [{ a: [1, 1, 1, 1] }, 0.33, undefined],
  [{ a: [5], b: [5], c: [5] }, 0.33, undefined],
];

for (const [sizes, share, advised] of ADVICE) {
  test(`${JSON.stringify(sizes)}, share ${share}: the advised share works`, async (t) => {
    const dataDir = temporaryFolder(t);
    for (const [name, list] of Object.entries(sizes)) writeDataset(dataDir, name, rowsOfSizes(name, list));
    const datasets = Object.keys(sizes).map(named);
    const refused = mergeTables({ dataDir, datasets, holdOut: share });
    const message = await refused.then(() => "", messageOf);
    assert.equal(/example --hold-out (\S+)\.$/.exec(message)?.[1], advised, message);
    if (advised !== undefined) await mergeTables({ dataDir, datasets, holdOut: Number(advised) });
    else assert.match(message, /Next: No share works with \d class.* or merge without --hold-out\.$/);
  });
}
