// Images added to exclude.csv: what a person wrote stays byte for byte.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { excludeImages } from "guie/dist/tables/exclude";
import { temporaryFolder } from "../folders";

const rows = (images: readonly string[], reason = "") => images.map((image) => ({ image, reason }));

test("a new file has a header; images that are there get no second row; a formula stays text", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "exclude.csv");
  assert.deepEqual(await excludeImages(folder, rows(["a/1.jpg", 'b,"2".jpg', "=1.jpg"], "=blurred")), {
    path,
    added: 3,
    known: 0,
  });
  const first = `image_files,reason\na/1.jpg,'=blurred\n"b,""2"".jpg",'=blurred\n./=1.jpg,'=blurred\n`;
  assert.equal(readFileSync(path, "utf8"), first);
  assert.deepEqual(await excludeImages(folder, rows(["a/./1.jpg", "=1.jpg", "c.jpg", "c.jpg"])), {
    path,
    added: 1,
    known: 3,
  });
  assert.equal(readFileSync(path, "utf8"), `${first}c.jpg,\n`);
  assert.deepEqual(readdirSync(folder), ["exclude.csv"]);
});

test("rows of a person stay, with their separator, columns, order, encoding and last line", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "exclude.csv");
  const mine = "who;reason;image_files\r\nme; too dark ;./x.jpg\r\nme;;x.jpg";
  for (const [encoding, mark] of [
    ["utf8", ""],
    ["utf16le", "\ufeff"],
  ] as const) {
    writeFileSync(path, Buffer.from(mark + mine, encoding));
    const { added, known } = await excludeImages(folder, rows(["x.jpg", "ä.jpg"], "blurred"));
    assert.deepEqual([added, known], [1, 1]);
    assert.equal(readFileSync(path, encoding), `${mark}${mine}\n;blurred;ä.jpg\n`);
  }
});

test("a file that is no such table is refused and stays as it is", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "exclude.csv");
  writeFileSync(path, "file\na.jpg\n");
  await assert.rejects(
    excludeImages(folder, rows(["b.jpg"])),
    /exclude\.csv lacks the column "image_files"; it has: file/,
  );
  assert.equal(readFileSync(path, "utf8"), "file\na.jpg\n");
  await excludeImages(join(folder, "other"), []);
  assert.ok(!existsSync(join(folder, "other/exclude.csv")));
});
