// Files of a data directory that belong to no data set are reported.
import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { DEMO_SET } from "guie/dist/datasets/catalogue";
import { getPhotos } from "guie/dist/datasets/get_photos";
import { readImageRows } from "guie/dist/datasets/rows";
import {
  dataSetsToRead,
  isDemoFolder,
  unreadRaw,
  unreadTables,
  unreadText,
} from "guie/dist/datasets/unknown_files";
import { preparedDataSets } from "guie/dist/preprocessing/present_data_sets";
import { temporaryFolder, writeFile } from "../folders";

test("a raw folder of another name is reported with advice, next to known ones and alone", async (t) => {
  const dataDir = temporaryFolder(t);
  assert.equal(unreadRaw(dataDir), undefined);
  assert.throws(
    () => dataSetsToRead(dataDir),
    /There is no raw data set in [\s\S]*Next: Unpack one of the 14/,
  );
  writeFile(join(dataDir, "raw/my photos/kiwi/1.jpg"), "");
  writeFile(join(dataDir, "raw/.hidden"), "");
  const { what, next } = unreadRaw(dataDir)!;
  assert.match(what, /^No data set has a raw folder of this name: raw\/my photos\. Known are rp2k, /);
  assert.match(next, /get-data --data-dir \S+ --dataset my_photos --raw '[^']+my photos'/);
  assert.match(next, /guie embed '[^']+my photos' --out/);
  assert.throws(() => dataSetsToRead(dataDir), { name: "UserError", message: /raw\/my photos/ });
  mkdirSync(join(dataDir, "raw/Fruit"));
  assert.deepEqual(
    dataSetsToRead(dataDir).map(({ name }) => name),
    ["Fruit"],
  );
  assert.deepEqual(
    dataSetsToRead(dataDir, ["rp2k"]).map(({ name }) => name),
    ["rp2k"],
  );
  assert.ok(unreadRaw(dataDir), "it is also reported next to a known one");
  // After following the advice, it is read.
  await getPhotos(dataDir, "my_photos", { source: join(dataDir, "raw/my photos") });
  assert.equal(unreadRaw(dataDir), undefined);
  assert.deepEqual(
    dataSetsToRead(dataDir).map(({ number, name }) => `${number} ${name}`),
    ["7 Fruit", "15 my_photos"],
  );
  writeFile(join(dataDir, "raw/notes.txt"), "");
  assert.doesNotMatch(unreadRaw(dataDir)!.next, /get-data|embed/);
});

test("a table of another name is reported with a command that reads it as own photos", async (t) => {
  const dataDir = temporaryFolder(t);
  assert.throws(() => preparedDataSets(dataDir), /there is none\.\n {2}Next: npx guie get-data/);
  writeFile(join(dataDir, "csv/photos.csv"), "image_files,labels\npictures/a.jpg,7\npictures/b.jpg,x\n");
  for (const name of ["a.jpg", "b.jpg"]) writeFile(join(dataDir, "pictures", name), "");
  assert.throws(() => preparedDataSets(dataDir), /there is none\. .*csv\/photos\.csv[\s\S]*Next: .*mv -n/);
  const { next } = unreadTables(dataDir)!;
  const [, from, to, name, raw] = /mv -n (\S+) (\S+) && .*--dataset (\S+) --raw (\S+)$/.exec(next)!;
  renameSync(from!, to!);
  await getPhotos(dataDir, name!, { source: raw! });
  assert.deepEqual(
    preparedDataSets(dataDir).map(({ name }) => name),
    ["photos"],
  );
  assert.deepEqual(await readImageRows(join(dataDir, "csv/photos.csv")), [
    { imageFile: "raw/photos/pictures/a.jpg", label: 0 },
    { imageFile: "raw/photos/pictures/b.jpg", label: 1 },
  ]);
  assert.equal(unreadText(unreadTables(dataDir)), "");
  writeFile(join(dataDir, "csv/other.csv"), "image_files,labels\n");
  writeFile(join(dataDir, "csv/Food2021_left_out.csv"), "file,reason\n");
  assert.match(unreadTables(dataDir)!.what, /: csv\/other\.csv\. Known/);
});

test("the demo's folder is recognised however its path is written", (t) => {
  const absolute = projectPath(DEMO_SET.folder);
  const spellings = ["data/demo", "./data/demo", "data/demo/", "data/../data/demo", absolute, `${absolute}/`];
  for (const path of spellings) assert.ok(isDemoFolder(path), path);
  for (const path of ["data/demo2", "data", "demo", "data/Demo"]) assert.ok(!isDemoFolder(path), path);
  const folder = temporaryFolder(t);
  const link = join(folder, "link");
  symlinkSync(projectPath("data"), link);
  assert.equal(isDemoFolder(join(link, "README.md")), false);
  assert.ok(isDemoFolder(relative(projectPath(), absolute)));
});
