// Guesses the columns of a table: the image, its class, its split.
import { UserError } from "../../common/errors";
import { type CellPlace, findPlace, isImageCell } from "./image_cells";
import type { OwnSource } from "./own_images";
import { shown, shownList } from "./said";
import { splitOf } from "./splits";
import type { Table } from "./table";

/** The columns of a table that count. */
export interface TableColumns {
  image: string;
  place: CellPlace;
  class?: string | undefined;
  split?: string | undefined;
  notes: string[];
}

/** Names of columns without case and punctuation, the likeliest first. */
const IMAGE_NAMES = (
  "imagefiles newimagefiles imagefile filename filepath imagepath imgpath imagename file path image images img " +
  "photo photos picture pic name imageid id"
).split(" ");
const CLASS_NAMES = (
  "classname labelname categoryname class label labels newlabels category species breed variety classes product " +
  "productname brand sku kind type target y title name classid labelid categoryid productid labelgroup"
).split(" ");
const SPLIT_NAMES = "split subset set partition fold phase usage".split(" ");

type Wanted = Pick<OwnSource, "imageColumn" | "classColumn" | "splitColumn">;

/** How the command line names a column. */
const COLUMN_FLAGS: Readonly<Record<keyof Wanted, string>> = {
  imageColumn: "npx guie get-data --image-column NAME",
  classColumn: "npx guie get-data --class-column NAME",
  splitColumn: "npx guie get-data --split-column NAME",
};

/**
 * Chooses the columns of a table: those that are named, else by their names and by whether their cells name files.
 * @param bases absolute folders in which the images may be
 * @throws UserError for a named column that the table lacks, and if no column names images
 */
export function chooseColumns(table: Table, wanted: Wanted, bases: readonly string[]): TableColumns {
  const image = requireNamed(table, wanted.imageColumn, "imageColumn") ?? guessImage(table, bases);
  const cells = table.rows.map((row) => row[image]!);
  refuseAddresses(table, image, cells);
  const named = {
    class: requireNamed(table, wanted.classColumn, "classColumn"),
    split: requireNamed(table, wanted.splitColumn, "splitColumn"),
  };
  const notes: string[] = [];
  const split = named.split ?? guessSplit(table, [image, named.class], notes);
  if (named.split !== undefined) requireSplits(table, named.split);
  const className = named.class ?? guessClass(table, [image, split]);
  const used = [`${shown(image)} names the images`];
  if (className !== undefined) used.push(`${shown(className)} the classes`);
  if (split !== undefined) used.push(`${shown(split)} the splits`);
  const rest = table.columns.filter((name) => ![image, className, split].includes(name));
  const unused = rest.length === 0 ? "" : `; not used: ${shownList(rest)}`;
  notes.unshift(`columns: ${used.join(", ")}${unused}`);
  return { image, place: findPlace(cells, bases), class: className, split, notes };
}

function requireNamed(table: Table, name: string | undefined, setting: keyof Wanted): string | undefined {
  if (name === undefined) return undefined;
  const wanted = name.trim().normalize("NFC");
  if (table.columns.includes(wanted)) return wanted;
  const other = table.others.find((column) => column.name === wanted);
  throw new UserError(
    other
      ? `${table.path}: the column ${JSON.stringify(wanted)} holds ${other.type}, not text.`
      : `${table.path} lacks the column ${JSON.stringify(wanted)}; it has: ${table.columns.join(", ")}.`,
    `Name one of its columns as ${setting} (${COLUMN_FLAGS[setting]}).`,
  );
}

const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

function rank(names: readonly string[], column: string): number {
  const at = names.indexOf(plain(column));
  return at < 0 ? names.length : at;
}

/** Returns the column whose cells name files; if there is none, the one that is called like images. */
function guessImage(table: Table, bases: readonly string[]): string {
  const candidates = table.columns.filter(
    (name) =>
      rank(IMAGE_NAMES, name) < IMAGE_NAMES.length || table.rows.some((row) => isImageCell(row[name]!)),
  );
  const scored = candidates.map((name) => ({
    name,
    share: findPlace(
      table.rows.map((row) => row[name]!),
      bases,
    ).share,
    isImage: table.rows.some((row) => isImageCell(row[name]!)),
    rank: rank(IMAGE_NAMES, name),
  }));
  scored.sort((a, b) => b.share - a.share || Number(b.isImage) - Number(a.isImage) || a.rank - b.rank);
  if (scored.length > 0) return scored[0]!.name;
  const bytes = table.others.find(
    ({ name, type }) => rank(IMAGE_NAMES, name) < IMAGE_NAMES.length || /BLOB/.test(type),
  );
  if (bytes)
    throw new UserError(
      `${table.path} holds the images themselves (${bytes.name}: ${bytes.type}), not their paths.`,
      "Write them to files first: one folder per class, for example.",
    );
  throw new UserError(
    `${table.path}: no column names image files; it has: ${table.columns.join(", ")}.`,
    "Name it (imageColumn, or npx guie get-data --image-column NAME).",
  );
}

function refuseAddresses({ path }: Table, column: string, cells: readonly string[]): void {
  const address = cells.find((cell) => /^(https?|s3|gs):\/\//i.test(cell));
  if (address === undefined) return;
  throw new UserError(
    `${path}: the column "${column}" holds addresses (${address.slice(0, 80)}), not files.`,
    "Download the images, and give the table a column with their file names.",
  );
}

function guessClass(table: Table, taken: readonly (string | undefined)[]): string | undefined {
  const free = table.columns.filter((name) => !taken.includes(name));
  const isFilled = (name: string) => table.rows.some((row) => row[name] !== "");
  const known = free.filter((name) => rank(CLASS_NAMES, name) < CLASS_NAMES.length && isFilled(name));
  known.sort((a, b) => rank(CLASS_NAMES, a) - rank(CLASS_NAMES, b));
  if (known.length > 0) return known[0];
  const named = free.filter((name) => !/^column_\d+$/.test(name) && isFilled(name));
  return named.length === 1 ? named[0] : undefined;
}

function guessSplit(
  table: Table,
  taken: readonly (string | undefined)[],
  notes: string[],
): string | undefined {
  const known = table.columns.filter(
    (name) => !taken.includes(name) && rank(SPLIT_NAMES, name) < SPLIT_NAMES.length,
  );
  for (const name of known.sort((a, b) => rank(SPLIT_NAMES, a) - rank(SPLIT_NAMES, b))) {
    const values = [...new Set(table.rows.map((row) => row[name]!))].filter((value) => value !== "");
    if (values.length > 0 && values.every((value) => splitOf(value) !== undefined)) return name;
    notes.push(`the column ${shown(name)} holds ${shownList(values)}: no splits, it is not used`);
  }
  return undefined;
}

function requireSplits({ path, rows }: Table, column: string): void {
  const other = rows.map((row) => row[column]!).find((value) => value !== "" && splitOf(value) === undefined);
  if (other === undefined) return;
  throw new UserError(
    `${path}: the column "${column}" holds ${JSON.stringify(other)}, which is no split.`,
    "Splits are called train, val (valid, validation, dev) and test, or are empty.",
  );
}
