// Views of Data_preprocessing: rejected images, images before and after.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { eachCsvRow, wholeNumberCell } from "../../common/csv/csv";
import { projectPath } from "../../common/project";
import { readImageRows } from "../../datasets/rows";
import { decodeRgb } from "../../images/decode";
import { withoutContent } from "../../preprocessing/content_names";
import {
  type DatasetName,
  preprocessedCsv,
  preprocessedImage,
  rejectsCsv,
  sourceCsv,
} from "../../preprocessing/layout";
import { sampleRows } from "../../tables/sample_rows";
import type { Drawing } from "../output/drawing";
import { type GridOptions, imageGrid } from "../output/images";

/** A rejected image. */
export interface Reject {
  dataset: string;
  image: string;
  label: number;
  reason: string;
}

/**
 * Reads the images of several data sets that Data_preprocessing rejected as unreadable.
 * @example
 * show(await readRejects("data/demo", preparedDataSets("data/demo")));
 */
export async function readRejects(dataDir: string, sets: readonly DatasetName[]): Promise<Reject[]> {
  const folder = projectPath(dataDir);
  const rejects: Reject[] = [];
  for (const set of sets) {
    const path = join(folder, rejectsCsv(set));
    if (!existsSync(path)) continue;
    await eachCsvRow(path, ["image_files", "labels", "reason"], (row, index) => {
      const { image_files: image, labels, reason } = row;
      const label = wholeNumberCell(labels!, `${path}, row ${index + 1}: "labels"`, "npx guie preprocess");
      rejects.push({ dataset: set.name, image: image!, label, reason: reason! });
    });
  }
  return rejects;
}

/**
 * Shows sample images of a data set, each next to its JPEG, at equal size with the real sizes below.
 * @example
 * show(await beforeAfterGrid("data/demo", findDataSet("Fruit"), { count: 4, seed: 999 }));
 */
export async function beforeAfterGrid(
  dataDir: string,
  set: DatasetName,
  { count = 4, seed = 0 }: { count?: number; seed?: number },
  options: GridOptions = {},
): Promise<Drawing> {
  const folder = projectPath(dataDir);
  const sources = await readImageRows(join(folder, sourceCsv(set)));
  const sourceOf = new Map(sources.map(({ imageFile }) => [preprocessedImage(imageFile, set), imageFile]));
  const sampled = await sampleRows(join(folder, preprocessedCsv(set)), count, seed);
  const files = sampled.flatMap(({ imageFile }) => [
    sourceOf.get(withoutContent(imageFile)) ?? imageFile,
    imageFile,
  ]);
  const items = files.map(async (file) => {
    const image = await decodeRgb(join(folder, file));
    return { image, caption: `${image.width} x ${image.height}` };
  });
  return imageGrid(await Promise.all(items), { columns: 8, ...options });
}
