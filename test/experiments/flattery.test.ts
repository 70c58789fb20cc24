// Numbers that would flatter: queries that are in the index, and a single class.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { scoreRetrievalSet } from "guie/dist/embedding/embed_images";
import { buildTraining } from "guie/dist/training/build";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { temporaryFolder, writeFile } from "../folders";

const table = (rows: readonly string[]) => `image_files,labels\n${rows.join("\n")}\n`;

/** Returns unit vectors at angles in degrees. */
const at = (...degrees: number[]) => ({
  data: Float32Array.from(
    degrees.flatMap((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]),
  ),
  count: degrees.length,
  length: 2,
});

test("a query is found in the index by its path, and left out of its own neighbours", async (t) => {
  const dataDir = temporaryFolder(t);
  const rows = ["i/a1.jpg,0", "i/a2.jpg,0", "i/b1.jpg,1", "i/b2.jpg,1"];
  writeFile(join(dataDir, "retrieval/queries.csv"), table(rows));
  writeFile(
    join(dataDir, "retrieval/index.csv"),
    table([rows[3]!, ...rows.slice(0, 3)].map((row) => `./${row}`)),
  );
  const { queries, index, own } = (await readRetrievalFiles(dataDir))!;
  assert.deepEqual(own, Int32Array.of(1, 2, 3, 0));
  const set = { queryLabels: queries.labels, indexLabels: index.labels };
  const vectors = { queries: at(0, 10, 14, 90), index: at(90, 0, 10, 14) };
  // a1 finds a2, b2 finds b1; a2 and b1 are nearer to each other than to their own classes
  const found = { mp5: 0.5, r1: 0.5, queries: 4, queriesWithoutMatch: 0, queriesInIndex: 4 };
  assert.deepEqual(await scoreRetrievalSet({ ...set, ...vectors, own }), found);
  assert.equal((await scoreRetrievalSet({ ...set, ...vectors })).r1, 1);
});

test("queries and index of different images leave nothing out", async (t) => {
  const dataDir = temporaryFolder(t);
  writeFile(join(dataDir, "retrieval/queries.csv"), table(["a.jpg,0"]));
  writeFile(join(dataDir, "retrieval/index.csv"), table(["b.jpg,0"]));
  assert.equal((await readRetrievalFiles(dataDir))!.own, undefined);
});

for (const stage of ["frozen", "fine_tune"] as const) {
  test(`${stage}: a single class is refused before its images are read`, async (t) => {
    const dataDir = temporaryFolder(t);
    const rows = [0, 1, 2].map((fold) => `no_such_image_${fold}.jpg,0,x,${fold}`);
    const csv = "final_data_224_sample_balance_fold.csv";
    writeFile(join(dataDir, csv), `new_image_files,new_labels,dataset,fold\n${rows.join("\n")}\n`);
    const config = overrideConfig(tiny(stage), { dataDir });
    await assert.rejects(
      buildTraining(config),
      /Expected images of 2 classes or more in .*: there is one class.*\n.*Next: Add images/,
    );
  });
}
