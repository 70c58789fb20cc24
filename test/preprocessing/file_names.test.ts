// Tests of the names of preprocessed images.
import assert from "node:assert/strict";
import { test } from "node:test";
import { jpegName } from "guie/dist/preprocessing/file_names";

test("a name is the path below the raw folder", () => {
  assert.equal(jpegName("raw/rp2k/train/cola/1.jpg", "rp2k"), "train+cola+1.jpg");
  assert.equal(jpegName("raw/rp2k/train/东方树叶/1.png", "rp2k"), "train+东方树叶+1.png~.jpg");
  assert.equal(jpegName("raw/rp2k/a b+c.jpg", "rp2k"), "a~20b~2bc.jpg");
  assert.equal(jpegName("elsewhere/1.JPG", "rp2k"), "+elsewhere+1.JPG~.jpg");
  assert.equal(jpegName("raw/rp2k/.x.jpg", "rp2k"), "~2ex.jpg");
});

test("paths that a careless rule would make equal get different names", () => {
  const long = "directory/".repeat(30);
  const paths = [
    "raw/x/a/b.jpg",
    "raw/x/a+b.jpg",
    "raw/x/a_b.jpg",
    "raw/x/a__b.jpg",
    "raw/x/a-b.jpg",
    "raw/x/a b.jpg",
    "raw/x/a~20b.jpg",
    "a/b.jpg",
    "raw/xx/a/b.jpg",
    "raw/x/a/b.png",
    "raw/x/a/b.JPG",
    "raw/x/a/b",
    "raw/x/a/b~.jpg",
    "raw/x/a/b.jpg.jpg",
    `raw/x/${long}1.jpg`,
    `raw/x/${long}2.jpg`,
    `raw/x/${long}1.png`,
  ];
  const names = paths.map((path) => jpegName(path, "x"));
  assert.equal(new Set(names).size, paths.length);
  for (const name of names) {
    assert.match(name, /^[^/.][^/]*\.jpg$/);
    assert.ok(Buffer.byteLength(name) <= 200);
  }
});

test("a long name is cut between characters", () => {
  const name = jpegName(`raw/x/${"树".repeat(100)}.jpg`, "x");
  assert.match(name, /^树{54}~~[0-9a-f]{32}\.jpg$/); // 54 x 3 + 38 = 200 bytes
});
