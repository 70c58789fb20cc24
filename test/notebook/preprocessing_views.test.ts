// Views of Data_preprocessing.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { beforeAfterGrid, readRejects } from "guie/dist/notebook/views/preprocessing_views";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";

const dataset = { name: "things", folder: "Things", smallestClass: 1 };
const other = { name: "others", folder: "Others", smallestClass: 1 };

test("rejects of all data sets, and images before and after", async (t) => {
  const dataDir = temporaryFolder(t);
  const photo = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: "#c04020" } })
      .jpeg()
      .toBuffer();
  writeFile(join(dataDir, "raw/Things/wide.jpg"), await photo(400, 300));
  writeFile(join(dataDir, "raw/Things/cut.jpg"), (await photo(400, 300)).subarray(0, 700));
  writeFile(join(dataDir, "raw/Others/small.jpg"), await photo(30, 20));
  writeFile(
    join(dataDir, "csv/things.csv"),
    "image_files,labels\nraw/Things/wide.jpg,0\nraw/Things/cut.jpg,7\n",
  );
  writeFile(join(dataDir, "csv/others.csv"), "image_files,labels\nraw/Others/small.jpg,0\n");
  for (const set of [dataset, other]) await preprocessDataset({ dataDir, dataset: set });

  assert.deepEqual(await readRejects(dataDir, [dataset, other]), [
    { dataset: "things", image: "raw/Things/cut.jpg", label: 7, reason: "truncated or corrupt jpeg" },
  ]);
  assert.deepEqual(await readRejects(dataDir, [{ name: "none", folder: "None" }]), []);

  const grid = await beforeAfterGrid(dataDir, dataset, { count: 3 }, { title: "Things" });
  assert.equal(grid.bundle["text/plain"], "Things: 400 x 300 | 224 x 224");
});
