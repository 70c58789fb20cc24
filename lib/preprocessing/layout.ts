// Paths of Data_preprocessing's inputs and outputs, relative to the data directory, with forward slashes.
import { posix } from "node:path";
import { jpegName } from "./file_names";

/** Folder of all preprocessed images, below the data directory. */
export const IMAGES_HOME = "final_data_224";

/** The parts of a catalogue row that name its files. */
export interface DatasetName {
  /** Name in `csv/<name>.csv`. */
  name: string;
  /** Folder in `raw/<folder>` and `${IMAGES_HOME}/<folder>`. */
  folder: string;
}

/** Returns the path of Get_Data's table of a data set: image_files,labels. */
export function sourceCsv({ name }: DatasetName): string {
  return `csv/${name}.csv`;
}

/** Returns the folder of a data set's preprocessed images and their settings. */
export function preprocessedFolder({ folder }: DatasetName): string {
  return `${IMAGES_HOME}/${folder}`;
}

/** Returns the path of the JPEG for an image's path in `csv/<name>.csv`. */
export function preprocessedImage(imageFile: string, set: DatasetName): string {
  return `${preprocessedFolder(set)}/images/${jpegName(posix.normalize(imageFile), set.folder)}`;
}

/** Returns the path of the table of a data set's preprocessed images: image_files,labels. */
export function preprocessedCsv({ folder }: DatasetName): string {
  return `${IMAGES_HOME}/${folder}_final_224.csv`;
}

/** Returns the path of the class names at the time of preprocessing: labels,class_name. */
export function preprocessedClasses({ folder }: DatasetName): string {
  return `${IMAGES_HOME}/${folder}_classes.csv`;
}

/** Returns the path of Get_Data's class names of a data set: labels,class_name. */
export function sourceClasses({ name }: DatasetName): string {
  return `csv/${name}_classes.csv`;
}

/** Returns the path of the table of images that could not be read: image_files,labels,reason. */
export function rejectsCsv({ folder }: DatasetName): string {
  return `${IMAGES_HOME}/${folder}_rejects.csv`;
}
