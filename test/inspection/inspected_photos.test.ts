// The classes and sides of photos to inspect: names of folders and tables, splits.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readPhotos } from "guie/dist/inspection/inspected_photos";
import { writeFiles } from "../datasets/miniature";
import { temporaryFolder } from "../folders";

test("inspected photos have the classes and splits of their folders or table, by name", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["p/train/Äpfel/1.jpg", "p/val/Äpfel/2.jpg", "p/train/007/3.jpg"]);
  const tree = await readPhotos({ source: join(folder, "p") });
  assert.deepEqual(
    tree.files.map((file, i) => [file, tree.classes![i], tree.sides[i]]),
    [
      ["train/007/3.jpg", "007", "training"],
      ["train/Äpfel/1.jpg", "Äpfel", "training"],
      ["val/Äpfel/2.jpg", "Äpfel", "validation"],
    ],
  );
  writeFiles(folder, ["q/1.jpg", "q/2.jpg"]);
  writeFiles(folder, { "q/labels.csv": "file,label\n1.jpg,true\n" });
  assert.deepEqual((await readPhotos({ source: join(folder, "q") })).classes, ["true", ""]);
  writeFiles(folder, ["r/1.jpg"]);
  assert.equal((await readPhotos({ source: join(folder, "r") })).classes, undefined);
});
