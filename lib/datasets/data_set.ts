// A data set: its names, its raw folder, its reader.
import type { Download } from "./download";
import type { OwnSource } from "./own/own_images";
import type { Reader } from "./readers/reader";

/** Fields that every data set of the catalogue has, the demo included. */
export interface CatalogueRow {
  /** Name as the original writes it: `csv/<name>.csv`. */
  name: string;
  /** Name that its makers use. */
  title: string;
  /** Known terms, or where to find them: a note, not legal advice. */
  licence: string;
  /** Address of the download page. */
  source: string;
  download: Download;
  /** Download size, if known: "3.1 GB". */
  size?: string;
}

/** One of the 14 data sets, or a person's own. */
export interface DataSet extends CatalogueRow {
  /** Position in Data_Merge's order, from 1. */
  number: number;
  /** Name of the raw folder: `raw/<folder>`. */
  folder: string;
  /** Minimum number of images of a class; Data_preprocessing drops smaller classes. */
  smallestClass: number;
  /** Layout of the raw folder, as shown to people. */
  layout: string;
  /** Files and folders that a complete raw folder has; empty if its folders are the classes. */
  parts: readonly string[];
  /** Folder inside the archives whose content is the raw folder, if the archives wrap it. */
  unwrap?: string;
  /** Images with a longer side than this are cropped to their central square and reduced to this side. */
  cropAbovePx?: number;
  read: Reader;
  /** The source of a person's own data set, and how it is read. */
  own?: OwnSource;
}
