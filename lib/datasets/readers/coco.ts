import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { readJson } from "../../common/files";
import { breathe } from "../../common/interrupt";
import { checkedImagePath } from "./image_path";
import { type LabelledImage, nothingSkipped, type Reader } from "./reader";

/** The parts of a COCO annotation file that name images and their categories (cocodataset.org, "Data format"). */
interface CocoFile {
  images: { id: number; file_name: string }[];
  annotations: { image_id: number; category_id: number }[];
  categories: { id: number; name: string }[];
}

/** Where a COCO data set keeps its files, relative to its folder. */
export interface CocoLayout {
  annotations: string;
  imageFolder: string;
}

const IMAGES_PER_REPORT = 5_000;

/**
 * A reader for object detection data sets in COCO's format that serve as classification data sets: the class of an
 * image is the category of its first annotation, in the order of the file.
 */
export function coco({ annotations, imageFolder }: CocoLayout): Reader {
  return async (folder, report) => {
    const file = readCoco(join(folder, annotations));
    const categoryNames = new Map(file.categories.map(({ id, name }) => [id, name]));
    const firstCategory = new Map<number, number>();
    for (const { image_id, category_id } of file.annotations) {
      if (!firstCategory.has(image_id)) firstCategory.set(image_id, category_id);
    }
    const reading = { images: [] as LabelledImage[], skipped: nothingSkipped() };
    for (const [index, image] of file.images.entries()) {
      const category = firstCategory.get(image.id);
      const where = `${join(folder, annotations)}, images[${index}]`;
      const path = `${imageFolder}/${checkedImagePath(image.file_name, where)}`;
      if (category === undefined) reading.skipped.unlabelledImages++;
      else if (!existsSync(join(folder, path))) reading.skipped.missingImages++;
      else reading.images.push(labelledImage(path, category, categoryNames, join(folder, annotations)));
      if ((index + 1) % IMAGES_PER_REPORT === 0 || index + 1 === file.images.length) {
        await breathe();
        report(index + 1, file.images.length, "images");
      }
    }
    if (reading.images.length === 0) throw noImages(join(folder, imageFolder), join(folder, annotations));
    return reading;
  };
}

function readCoco(path: string): CocoFile {
  const file = readJson<Partial<CocoFile>>(path, "Unpack the annotations of the data set there.");
  for (const part of ["images", "annotations", "categories"] as const) {
    if (Array.isArray(file[part])) continue;
    throw new UserError(
      `Expected the list "${part}" in ${path}: there is none.`,
      "Take the data set's annotations in COCO's format.",
    );
  }
  return file as CocoFile;
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
    "Unpack the annotations again; the file is not whole.",
  );
}

function noImages(imageFolder: string, annotations: string): UserError {
  return new UserError(
    `None of the images that ${annotations} annotates is in ${imageFolder}.`,
    `Unpack the images of the data set into ${imageFolder}.`,
  );
}
