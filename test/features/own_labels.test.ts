// Folder names and text labels become labels with names: in lists of images, in features, in a served index.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readClassNames } from "guie/dist/datasets/class_names";
import { openFeatures } from "guie/dist/features/feature_files";
import { writeFeatures } from "guie/dist/features/feature_writer";
import { readImageList } from "guie/dist/features/image_list";
import { writeFiles } from "../datasets/miniature";
import { temporaryFolder } from "../folders";

test("class folders are labels with names; both layouts give the same classes", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(join(folder, "tree"), ["Äpfel/1.jpg", "007/1.jpg", "true/1.jpg", "007/2.jpg"]);
  writeFiles(join(folder, "flat"), ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
  writeFiles(join(folder, "flat"), {
    "labels.csv": "file,label\na.jpg,Äpfel\nb.jpg,007\nc.jpg,true\nd.jpg,007\n",
  });
  const names = ["007", "true", "Äpfel"];
  const tree = await readImageList(join(folder, "tree"), folder);
  assert.deepEqual(tree.rows, {
    files: ["007/1.jpg", "007/2.jpg", "true/1.jpg", "Äpfel/1.jpg"],
    labels: [0, 0, 1, 2],
    classNames: names,
  });
  assert.equal(tree.said![0], "class folders, 3 classes, 4 images");
  for (const source of ["flat", "flat/labels.csv"]) {
    const { rows, folder: base } = await readImageList(join(folder, source), folder);
    assert.deepEqual([rows.labels, rows.classNames, base], [[2, 0, 1, 0], names, join(folder, "flat")]);
  }
});

test("a flat folder has no labels; images without a class next to others are one class by that name", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["1.jpg", "2.jpg"]);
  assert.deepEqual((await readImageList(folder, folder)).rows, { files: ["1.jpg", "2.jpg"] });
  writeFiles(folder, ["apple/3.jpg"]);
  assert.deepEqual((await readImageList(folder, folder)).rows, {
    files: ["1.jpg", "2.jpg", "apple/3.jpg"],
    labels: [1, 1, 0],
    classNames: ["apple", "(no class)"],
  });
});

test("a pipeline's table keeps its numbers; text in its labels is names; its paths start at the data directory or at the table", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(join(folder, "lists"), ["a.jpg", "b.jpg"]);
  const path = join(folder, "lists/t.csv");
  const listOf = async (labels: readonly string[], dataDir = folder) => {
    writeFiles(join(folder, "lists"), {
      "t.csv": `image_files,labels\na.jpg,${labels[0]}\nb.jpg,${labels[1]}\n`,
    });
    return readImageList(path, dataDir);
  };
  const numbers = await listOf([" 12", "2395904891"]);
  assert.deepEqual(numbers.rows, { files: ["a.jpg", "b.jpg"], labels: [12, 2395904891] });
  assert.equal(numbers.folder, join(folder, "lists"));
  assert.deepEqual((await listOf(["007", "7"])).rows.classNames, ["007", "7"]);
  assert.deepEqual((await listOf(["crème", ""])).rows.classNames, ["crème", "(no class)"]);
  await assert.rejects(listOf(["1", ""]), /the column "labels" must be a whole number from 0, it is empty/);
});

test("features keep the names of their classes, also when only a name changes, and drop those of an earlier list", async (t) => {
  const folder = join(temporaryFolder(t), "set");
  const vectors = { data: Float32Array.of(1, 2), count: 2, length: 1 };
  const write = (classNames?: readonly string[]) => {
    const rows = { files: ["a.jpg", "b.jpg"], ...(classNames ? { labels: [0, 1], classNames } : {}) };
    return writeFeatures(folder, { rows, madeBy: {}, replace: false }, vectors);
  };
  await write(["=1", 'a "b"\n']);
  assert.deepEqual(
    [...(await readClassNames(join(folder, "classes.csv")))],
    [
      [0, "=1"],
      [1, 'a "b"\n'],
    ],
  );
  assert.match(readFileSync(join(folder, "classes.csv"), "utf8"), /^labels,class_name\n0,'=1\n/);
  await write(["x", "y"]);
  assert.deepEqual([...(await readClassNames(join(folder, "classes.csv"))).values()], ["x", "y"]);
  await write();
  assert.equal(existsSync(join(folder, "classes.csv")), false);
  assert.equal((await openFeatures(folder).readRows()).labels, undefined);
});
