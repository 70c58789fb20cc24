// Where Data_preprocessing reads and writes, relative to the data directory, with forward slashes.
import { posix } from "node:path";
import { jpegName } from "./file_names";

/** The parts of a catalogue row that name its files. */
export interface DatasetName {
  /** Of `csv/<name>.csv`. */
  name: string;
  /** Of `raw/<folder>` and `final_data_224/<folder>`. */
  folder: string;
}

/** Get_Data's table of a data set: image_files,labels. */
export function sourceCsv({ name }: DatasetName): string {
  return `csv/${name}.csv`;
}

/** The preprocessed images of a data set, and the settings they were made with. */
export function preprocessedFolder({ folder }: DatasetName): string {
  return `final_data_224/${folder}`;
}

/** The JPEG of an image, by the path that stands in `csv/<name>.csv`. */
export function preprocessedImage(imageFile: string, set: DatasetName): string {
  return `${preprocessedFolder(set)}/images/${jpegName(posix.normalize(imageFile), set.folder)}`;
}

/** The table of a data set's preprocessed images: image_files,labels. */
export function preprocessedCsv({ folder }: DatasetName): string {
  return `final_data_224/${folder}_final_224.csv`;
}

/** Names of the classes as they were when a data set was preprocessed: labels,class_name. */
export function preprocessedClasses({ folder }: DatasetName): string {
  return `final_data_224/${folder}_classes.csv`;
}

/** Get_Data's names of a data set's classes: labels,class_name. */
export function sourceClasses({ name }: DatasetName): string {
  return `csv/${name}_classes.csv`;
}

/** The table of the images that could not be read: image_files,labels,reason. */
export function rejectsCsv({ folder }: DatasetName): string {
  return `final_data_224/${folder}_rejects.csv`;
}
