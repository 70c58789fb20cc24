// The inputs of a run: fingerprints that sha256sum reproduces, and their differences in words.
import assert from "node:assert/strict";
import { readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { learnedAmong, learnedBy, writeTrainedImages } from "guie/dist/runs/learned_classes";
import { madeOf } from "guie/dist/runs/provenance";
import { dataDifferences, writeNote } from "guie/dist/runs/run_note";
import { scoredOn, scoredOnText, scoreMark, setFingerprint, trainedOnText } from "guie/dist/runs/scored_on";
import { temporaryFolder, writeFile } from "../folders";

const TABLE = "new_image_files,new_labels,dataset,fold\na.jpg,0,fruit,0\nb.jpg,1,fruit,1\n";
const CLASSES = "new_labels,dataset,labels,class_name\n1,fruit,7,fig\n0,fruit,3,apple\n";
const QUERIES = "image_files,labels\nq.jpg,0\n";
const INDEX = "image_files,labels\ni.jpg,0\nj.jpg,1\n";
const SET = {
  queries: { files: ["q.jpg"], labels: [0] },
  index: { files: ["i.jpg", "j.jpg"], labels: [0, 1] },
};

function dataFolder(t: TestContext) {
  const dataDir = temporaryFolder(t);
  const write = (name: string, text: string) => writeFile(join(dataDir, name), text);
  const config = overrideConfig(tiny("frozen"), { dataDir, weights: "random" });
  write(config.csv, TABLE);
  write("final_data_224_classes.csv", CLASSES);
  write("retrieval/queries.csv", QUERIES);
  write("retrieval/index.csv", INDEX);
  write("retrieval/classes.csv", "labels,class_name,group\n0,kiwi,fruit\n1,plum,fruit\n");
  return { dataDir, write, config };
}

test("table and held-out classes are identified by the SHA-256 of their files, their classes by name", (t) => {
  const { dataDir, config } = dataFolder(t);
  const expected = {
    table: {
      file: config.csv,
      // sha256sum final_data_224_sample_balance_fold.csv
      sha256: "ead42bd994e42d4028e5b8ffcfd075c39c8a5cc187b16c2d3e43a669df3fc3cb",
      rows: 2,
    },
    classes: ["fruit/apple", "fruit/fig"],
    heldOut: {
      // cat retrieval/queries.csv retrieval/index.csv | sha256sum
      sha256: "c68e25b6cb5a2f10c0f714fc9a1dc091b5351c16965a7d31f1534cf33d10ec65",
      rows: 3,
      classes: ["fruit/kiwi", "fruit/plum"],
    },
  };
  assert.deepEqual(madeOf(config), expected);
  utimesSync(join(dataDir, config.csv), 0, 0);
  assert.deepEqual(madeOf(config), expected, "times do not count");
  assert.equal(setFingerprint(SET), expected.heldOut.sha256, "the rows as they were read");
  const choosing = madeOf(overrideConfig(config, { holdOutShare: 0.5 }));
  assert.equal(choosing?.heldOut, undefined, "held-out training classes come from the table");
  assert.equal(madeOf(overrideConfig(config, { csv: "none.csv" })), undefined);
  assert.equal(
    madeOf(overrideConfig(config, { dataDir: join(dataDir, "retrieval"), csv: "index.csv" }))?.classes,
    undefined,
  );
});

test("a name is the same in both Unicode compositions of its letters", (t) => {
  const { write, config } = dataFolder(t);
  const names = ["\u00e4pfel", "a\u0308pfel"].map((name) => {
    write("final_data_224_classes.csv", CLASSES.replace("apple", name));
    return madeOf(config)!.classes![0];
  });
  assert.deepEqual(names, ["fruit/äpfel", "fruit/äpfel"]);
});

test("differences name rows, added and removed classes, other numbers, held-out classes", (t) => {
  const { write, config } = dataFolder(t);
  const folder = temporaryFolder(t);
  assert.deepEqual(dataDifferences(folder, config), [], "without a note nothing is compared");
  writeNote(folder, madeOf(config)!);
  assert.deepEqual(dataDifferences(folder, config), []);
  write(config.csv, TABLE.replace("0,fruit,0", "0,fruit,2"));
  assert.deepEqual(dataDifferences(folder, config), [
    "the training table has changed: 2 rows as before, but with other content",
  ]);
  write(config.csv, `${TABLE}c.jpg,2,fruit,1\n`);
  write("final_data_224_classes.csv", `${CLASSES.replace("fig", "grape")}2,fruit,9,kiwi\n`);
  write("retrieval/index.csv", `${INDEX}k.jpg,1\n`);
  write("retrieval/classes.csv", "labels,class_name,group\n0,fig,fruit\n1,plum,fruit\n");
  assert.deepEqual(dataDifferences(folder, config), [
    "the training table has changed: 2 rows, now 3; classes added: grape, kiwi; removed: fig",
    "the held-out classes have changed: 3 rows, now 4; classes added: fig; removed: kiwi",
  ]);
  write(
    "final_data_224_classes.csv",
    CLASSES.replace("1,fruit", "5,fruit").replace("0,fruit", "1,fruit").replace("5,fruit", "0,fruit"),
  );
  assert.match(dataDifferences(folder, config)[0]!, /the same classes under other numbers$/);
});

test("names that only one side has are no difference; a renamed class is one", (t) => {
  const { dataDir, write, config } = dataFolder(t);
  const folder = temporaryFolder(t);
  writeNote(folder, madeOf(config)!);
  rmSync(join(dataDir, "retrieval/classes.csv"));
  assert.deepEqual(dataDifferences(folder, config), []);
  write("final_data_224_classes.csv", CLASSES.replace("fig", "date"));
  assert.deepEqual(dataDifferences(folder, config), [
    "the training table has changed: classes added: date; removed: fig",
  ]);
});

test("learned classes are found among held-out ones: by name, by image, not by number in another data set", (t) => {
  const { dataDir, config } = dataFolder(t);
  const run = temporaryFolder(t);
  writeFile(join(run, "config.json"), JSON.stringify(config));
  assert.equal(learnedBy(run), undefined);
  writeNote(run, {
    ...madeOf(config)!,
    classes: ["fruit/cat-face", "fruit/12"],
    learnedBefore: ["emoji/Plum"],
  });
  writeTrainedImages(run, [["a.jpg", "b.jpg"]], [1n]);
  // printf a.jpg | sha256sum | cut -c1-16
  assert.ok(readFileSync(join(run, "trained_images.bin")).toString("hex").includes("509b0d4641a7c3ba"));
  const learned = learnedBy(run)!;
  const among = (classes: [number, string][], set = SET, dir = dataDir) => {
    const labels = learnedAmong({ ...set, classes: new Map(classes) }, dir, learned);
    return labels && [...labels];
  };
  assert.deepEqual(among([[0, "nature/cat face"]]), [0], "a group that is no data set: matches any");
  assert.deepEqual(among([[0, "emoji/cat face"]]), [], "a name of another data set");
  assert.deepEqual(among([[0, "fruit/plum"]]), [], "learned in another data set");
  assert.deepEqual(among([[0, "emoji/plum"]]), [0], "learned before");
  assert.deepEqual([among([[0, "fruit/12"]]), among([[0, "stones/12"]])], [[0], []]);
  const seen = { ...SET, index: { files: ["i.jpg", "b.jpg"], labels: [0, 0] } };
  assert.deepEqual([among([], seen), among([], SET)], [[0], []], "one of its images was trained on");
  assert.deepEqual(among([], seen, temporaryFolder(t)), undefined, "neither names nor images can tell");
});

test("a score names its data, and the share that was trained on", (t) => {
  const { dataDir } = dataFolder(t);
  const learned = {
    classes: new Set(["fruit/kiwi"]),
    images: new Set<bigint>(),
    dataDir: "elsewhere",
    isPartial: false,
  };
  const set = { ...SET, classes: new Map([[0, "fruit/kiwi"]]) };
  const on = scoredOn(set, { dataDir, holdOutShare: 0 }, learned);
  assert.ok(scoredOnText(on).startsWith(`1 queries of 1 held-out classes, ${dataDir} (c68e25b6)`));
  assert.deepEqual([scoreMark(on), trainedOnText(on)], ["*", "1 of 1 classes were trained on"]);
  const unknown = scoredOn(set, { dataDir, holdOutShare: 0 }, undefined);
  assert.equal(scoreMark(unknown), "?");
  assert.match(trainedOnText(unknown), /not known \(made before runs noted their data/);
});
