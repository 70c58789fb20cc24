// Makes a data directory of 36 small coloured pictures of six classes, with the tables that training reads.
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeCsv } from "guie/dist/common/csv/csv";
import { randomStream } from "guie/dist/common/random";
import sharp from "sharp";

const CLASS_COLOURS = ["#d22", "#2a2", "#22d", "#dd2", "#2dd", "#d2d"];
const IMAGES_PER_CLASS = 6;

/**
 * Makes the data in a temporary folder. Fold 1 has one image of each class; a retrieval set has the same classes.
 * @param dataSetOf returns the data set of a class
 */
export async function makeTinyData(dataSetOf = (_label: number) => "tiny"): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), "guie-tiny-"));
  const rows: [string, number, string, number][] = [];
  for (const [label, colour] of CLASS_COLOURS.entries()) {
    for (let i = 0; i < IMAGES_PER_CLASS; i++) {
      const file = `final_data_224/tiny/images/${label}_${i}.jpg`;
      await drawCircle(join(dataDir, file), colour, randomStream(5, label, i).integer(6, 13));
      rows.push([file, label, dataSetOf(label), i]);
    }
  }
  await writeCsv(
    join(dataDir, "final_data_224_sample_balance_fold.csv"),
    ["new_image_files", "new_labels", "dataset", "fold"],
    rows,
  );
  for (const [name, keep] of [
    ["queries", 0],
    ["index", 1],
  ] as const) {
    const part = rows
      .filter(([, , , fold]) => (fold === 0 ? 0 : 1) === keep)
      .map(([file, label]) => [file, label] as const);
    await writeCsv(join(dataDir, `retrieval/${name}.csv`), ["image_files", "labels"], part);
  }
  return dataDir;
}

async function drawCircle(path: string, colour: string, radiusPx: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><rect width="28" height="28" fill="#fff"/><circle cx="14" cy="14" r="${radiusPx}" fill="${colour}"/></svg>`;
  await sharp(Buffer.from(svg)).jpeg({ quality: 95 }).toFile(path);
}
