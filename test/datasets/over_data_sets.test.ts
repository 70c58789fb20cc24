// Several data sets, some bad: all are tried, every fault is reported, and no later step ignores it.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { getDataOfAll } from "guie/dist/datasets/get_data";
import { preparedDataSets, preprocessedDataSets } from "guie/dist/preprocessing/present_data_sets";
import { guie } from "../in_process";
import { temporaryDataDir, writeFiles } from "./miniature";

const IMAGES = [0, 1].flatMap((k) => [0, 1, 2, 3, 4].map((i) => `c${k}/${i}.jpg`));

test("get-data, preprocess, merge: a data set's fault is reported, the others are finished, the next step stops", async (t) => {
  const dataDir = temporaryDataDir(t);
  const bad = join(dataDir, "raw/rp2k");
  writeFiles(bad, ["train/a/1.jpg"]); // no test/
  writeFiles(join(dataDir, "raw/Shopee"), { "train.csv": "wrong\n1\n" });
  writeFiles(join(dataDir, "raw/Food2021"), IMAGES);
  const read = await guie("get-data", "--data-dir", dataDir);
  assert.equal(read.status, 1);
  assert.match(read.stdout, /Food2021 +2 +10 +2\n/);
  assert.match(
    read.stderr,
    /^guie get-data: rp2k: Expected the folder .*rp2k\/test[\s\S]*\nShopee: .*lacks the column/m,
  );
  assert.ok(existsSync(join(dataDir, "csv/Food2021.csv")));
  const json = await guie("get-data", "--data-dir", dataDir, "--json");
  assert.equal(json.status, 1);
  const summary = JSON.parse(json.stdout) as { datasets: object[]; faults: { dataset: string }[] };
  assert.deepEqual(
    [summary.datasets.length, summary.faults.map(({ dataset }) => dataset)],
    [1, ["rp2k", "Shopee"]],
  );

  const next = await guie("preprocess", "--data-dir", dataDir);
  assert.equal(next.status, 1);
  assert.match(
    next.stderr,
    /get-data could not finish rp2k, Shopee the last time:\nrp2k: Expected[\s\S]*Next: Fix that/,
  );
  assert.throws(() => preparedDataSets(dataDir), /could not finish rp2k, Shopee/);
  const named = await guie("preprocess", "--data-dir", dataDir, "--dataset", "Food2021");
  assert.equal(named.status, 0, named.stderr);
  assert.equal((await guie("preprocess", "--data-dir", dataDir, "--dataset", "rp2k")).status, 1);
  // A fixed or removed data set has no fault.
  rmSync(join(dataDir, "raw/Shopee"), { recursive: true });
  writeFiles(bad, ["test/a/2.jpg"]);
  assert.equal((await guie("get-data", "--data-dir", dataDir, "--dataset", "rp2k")).status, 0);
  assert.deepEqual(
    preparedDataSets(dataDir).map(({ name }) => name),
    ["rp2k", "Food2021"],
  );

  const preprocessed = await guie("preprocess", "--data-dir", dataDir); // rp2k has no class of five images
  assert.equal(preprocessed.status, 1);
  assert.match(preprocessed.stdout, /Food2021 +10 +2 +10 +2 +0\n/);
  assert.match(preprocessed.stderr, /rp2k: no class with at least 5 images is left/);
  const merged = await guie("merge", "--data-dir", dataDir);
  assert.equal(merged.status, 1);
  assert.match(merged.stderr, /preprocess could not finish rp2k the last time/);
  assert.throws(() => preprocessedDataSets(dataDir), /could not finish rp2k/);
  const chosen = await guie("merge", "--data-dir", dataDir, "--dataset", "Food2021");
  assert.equal(chosen.status, 0, chosen.stderr);
});

test("a notebook that reads several data sets gets all faults in one error, after all were tried", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/rp2k"), ["train/a/1.jpg"]);
  writeFiles(join(dataDir, "raw/Food2021"), IMAGES);
  await assert.rejects(getDataOfAll(dataDir, ["rp2k", "Food2021"]), {
    name: "UserError",
    message:
      /^A data set has a fault; the others are finished\.\nrp2k: Expected the folder[\s\S]*Next: Fix rp2k, then npx guie get-data --dataset rp2k/,
  });
  assert.ok(existsSync(join(dataDir, "csv/Food2021.csv")));
});
