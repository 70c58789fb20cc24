// Lists of images: classes, draws by a seed, splits without a shared class.
import assert from "node:assert/strict";
import { createWriteStream, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { getPhotos } from "guie/dist/datasets/get_photos";
import { readImageList } from "guie/dist/features/image_list";
import { holdOut, Images } from "guie/dist/photos/images";
import { readImages } from "guie/dist/photos/read_images";
import { ZipFile } from "yazl";
import { temporaryFolder } from "../folders";
import { drawClasses } from "./draw";

/** Images of classes a (4), b (3), c (2), d (1), and one without a class. */
function some(): Images {
  const classes = ["a", "b", "a", "c", "", "a", "b", "d", "c", "b", "a"];
  return new Images({ folder: "/photos", files: classes.map((_, i) => `${i}.jpg`), classes });
}

test("balance, class names and labels; an image without a class has no label", () => {
  const images = some();
  assert.deepEqual(images.balance, [
    { class: "a", images: 4 },
    { class: "b", images: 3 },
    { class: "c", images: 2 },
    { class: "d", images: 1 },
  ]);
  assert.deepEqual(images.classNames, ["a", "b", "c", "d"]);
  assert.throws(() => images.labels(), /4\.jpg in \/photos has no class[\s\S]*labelled\(\)/);
  assert.deepEqual([...images.labelled().labels()], [0, 1, 0, 2, 0, 1, 3, 2, 1, 0]);
  assert.equal(String(images), "11 images of 4 classes in photos");
});

test("a sample takes different classes first, and is the same for the same seed", () => {
  const images = some().labelled();
  const sample = images.sample(4, { seed: 3 });
  assert.equal(new Set(sample.classes).size, 4);
  assert.deepEqual(images.sample(4, { seed: 3 }).files, sample.files);
  assert.notDeepEqual(images.sample(10, { seed: 4 }).files, images.sample(10, { seed: 3 }).files);
});

test("holdOut shares no class, keeps all labelled images, and holds out only classes of two images", () => {
  const images = some();
  for (let seed = 0; seed < 20; seed++) {
    const { train, heldOut } = holdOut(images, { share: 0.34, seed });
    assert.equal(heldOut.classNames.length, 1);
    assert.ok(!heldOut.classNames.includes("d"));
    assert.deepEqual(
      train.classNames.filter((name) => heldOut.classNames.includes(name)),
      [],
    );
    assert.deepEqual([...train.files, ...heldOut.files].sort(), images.labelled().files.slice().sort());
    assert.deepEqual(holdOut(images, { share: 0.34, seed }).heldOut.files, heldOut.files);
  }
  const drawn = new Set(
    Array.from({ length: 20 }, (_, seed) => holdOut(images, { seed }).heldOut.classNames[0]),
  );
  assert.deepEqual([...drawn].sort(), ["a", "b", "c"]);
});

test("holdOut refuses shares that leave a side empty, and images without classes", () => {
  assert.throws(() => holdOut(some(), { share: 0 }), /leaves classes on both sides, got 0/);
  assert.throws(() => holdOut(some(), { share: 0.01 }), /holds out 0 of 4 classes/);
  const flat = new Images({ folder: "/photos", files: ["1.jpg"] });
  assert.throws(() => holdOut(flat), /1\.jpg in \/photos has no class/);
});

test("a ZIP of class folders is read as what is in it, and unpacked once", async (t) => {
  const folder = temporaryFolder(t);
  const photos = join(folder, "shop");
  await drawClasses(photos, ["plum", "crème brûlée"], 2);
  const zip = new ZipFile();
  for (const file of (await readImages(photos)).files) zip.addFile(join(photos, file), `shop/${file}`);
  zip.end();
  const archive = join(folder, "shop.zip");
  await pipeline(zip.outputStream, createWriteStream(archive));
  const read = await readImages(archive);
  assert.deepEqual(
    read.balance.map((row) => [row.class, row.images]),
    [
      ["crème brûlée", 2],
      ["plum", 2],
    ],
  );
  assert.equal(read.said[0], "class folders, 2 classes, 4 images");
  assert.match(read.said[1]!, /^shop\.zip is read as unpacked into .*unpacked/);
  assert.deepEqual((await readImages(archive)).files, read.files);
  const list = await readImageList(archive, folder);
  assert.deepEqual([list.folder, list.rows.files], [read.folder, read.files], "as all commands read it");
  const dataDir = join(folder, "data");
  const { rows, classes } = await getPhotos(dataDir, "zipped", { source: archive });
  assert.deepEqual([rows, classes, realpathSync(join(dataDir, "raw/zipped"))], [4, 2, read.folder]);
  assert.deepEqual(readdirSync(folder).sort(), ["data", "shop", "shop.zip"]);
});
