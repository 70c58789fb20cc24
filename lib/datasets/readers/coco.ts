// Reads COCO annotations (Food 2022).
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { findFile, sameName } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import { readCocoFile } from "./coco_file";
import { checkedImagePath } from "./image_path";
import { presenceIn } from "./presence";
import { emptyReading, type LabelledImage, type Reader } from "./reader";

/** Paths of a COCO data set's files, relative to its folder. */
export interface CocoLayout {
  annotations: string;
  imageFolder: string;
}

const IMAGES_PER_REPORT = 5_000;

/**
 * Returns a reader for object detection data sets in COCO's format that serve as classification data sets: an image's
 * class is the category of its first annotation in the file.
 */
export function coco({ annotations, imageFolder }: CocoLayout): Reader {
  return async (folder, report) => {
    const path = join(folder, annotations);
    const { images, categoryNames, firstCategory } = await readCocoFile(path, (done, total) =>
      report(done, total, "MB"),
    );
    const reading = emptyReading();
    const seen = new Set<string>();
    const isPresent = presenceIn(folder);
    for (const [index, { id, fileName }] of images.entries()) {
      const category = firstCategory.get(id);
      const file = `${imageFolder}/${checkedImagePath(fileName, `${path}, images[${index}]`)}`;
      const found = findFile(folder, file);
      if (seen.has(sameName(file))) reading.skipped.duplicateRows++;
      else if (category === undefined) reading.skipped.unlabelledImages++;
      else if (!(await isPresent(found ?? file))) reading.skipped.missingImages++;
      else reading.images.push(labelledImage(found ?? file, category, categoryNames, path));
      seen.add(sameName(file));
      if ((index + 1) % IMAGES_PER_REPORT === 0 || index + 1 === images.length) {
        await checkInterrupt();
        report(index + 1, images.length, "images");
      }
    }
    if (reading.images.length === 0) throw noImages(join(folder, imageFolder), path);
    return reading;
  };
}

function labelledImage(
  file: string,
  category: number,
  names: ReadonlyMap<number, string>,
  path: string,
): LabelledImage {
  const className = names.get(category);
  if (className) return { file, classKey: String(category), className };
  throw new UserError(
    `${path}: ${file} has the category ${category}, which the list "categories" does not name.`,
    "Unpack the annotations again; the file is incomplete.",
  );
}

function noImages(imageFolder: string, annotations: string): UserError {
  return new UserError(
    `None of the images that ${annotations} annotates is in ${imageFolder}.`,
    `Unpack the images of the data set into ${imageFolder}.`,
  );
}
