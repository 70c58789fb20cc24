// Our side of `npm run bench resize`: preprocesses a data set like `guie preprocess`, each time into a new folder.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess.js";
import { serve } from "../shared/contestant.mjs";

const { folder, files, decoding, work } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const dataset = { name: "photos", folder: "photos", smallestClass: 1 };
const rows = files.map((file) => `raw/photos/${file},0`);
let round = 0;

await serve(async () => {
  const dataDir = join(work, "ours", String(round++));
  mkdirSync(join(dataDir, "csv"), { recursive: true });
  mkdirSync(join(dataDir, "raw"));
  symlinkSync(folder, join(dataDir, "raw/photos"));
  writeFileSync(join(dataDir, "csv/photos.csv"), `image_files,labels\n${rows.join("\n")}\n`);
  const { rowsOut } = await preprocessDataset({ dataDir, dataset, decoding });
  if (rowsOut !== files.length) throw new Error(`${rowsOut} of ${files.length} images were made`);
});
