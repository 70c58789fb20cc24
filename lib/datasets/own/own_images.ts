// The images of a person's own source: types that every reader of this folder shares.
import type { LeftOut } from "../../common/files/image_folder";
import type { Split } from "./splits";

/** A person's own photos, and how to read them; all but the source is guessed if omitted. */
export interface OwnSource {
  /** A folder, an archive of one, or a table (.csv .tsv .jsonl .json .parquet): absolute, below the project, or from `~/`. */
  source: string;
  /** The table's column with the images' paths. */
  imageColumn?: string | undefined;
  /** The table's column with the classes: any text. */
  classColumn?: string | undefined;
  /** The table's column with train, validation or test. */
  splitColumn?: string | undefined;
  /** The folder that holds all images of a table; default: the table's own. */
  root?: string | undefined;
  /** The level of the folder that names the class, from 1 below the source; default: the deepest. */
  classLevel?: number | undefined;
  /** Names of the image files: `{class}_{n}.jpg`. */
  pattern?: string | undefined;
  /** True if every image needs a class: images without one are left out, a source without any is refused. */
  labels?: boolean | undefined;
}

/** How a source is read, apart from where it is. */
export type SourceSettings = Omit<OwnSource, "source" | "labels">;

/** The images of a source. */
export interface OwnImages {
  /** Absolute path of the folder that the files are relative to. */
  folder: string;
  /** Sorted by code unit, with forward slashes, as the disk spells them. */
  files: string[];
  /** Name of each image's class (NFC), "" for an image without one; undefined if no image has one. */
  classes?: string[];
  /** Split of each image; undefined if the source has none. */
  splits?: Split[];
  /** Further columns of the images' table, by name; "" for an image without text. */
  columns?: ReadonlyMap<string, string[]>;
  /** Files, and images of a table, that are not read. */
  leftOut: readonly LeftOut[];
  /** Name of the layout: "class folders", "flat folder", "table". */
  layout: string;
  /** Sentences that say what was recognised; the first sums up. What is left out is said by `leftOutText`. */
  said: string[];
}

/** One image as a reader finds it. */
export interface FoundImage {
  file: string;
  /** "" if it has none. */
  className: string;
  split: Split;
  /** Its texts in the further columns of a table. */
  cells?: Readonly<Record<string, string>> | undefined;
}

/** What a reader finds, before names are checked. */
export interface FoundImages {
  folder: string;
  layout: string;
  images: FoundImage[];
  leftOut: LeftOut[];
  /** Sentences about guesses. */
  notes: string[];
}
