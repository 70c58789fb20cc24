// Writes the demo's tables, including those of retrieval.
import { join } from "node:path";
import { writeCsv } from "../../common/csv/csv";
import { writeImageRows } from "../rows";
import { DEMO_GROUPS } from "./groups";
import { DEMO_LAYOUTS } from "./layouts";
import type { PlacedPicture } from "./plan";
import type { DemoGroupCounts } from "./stamp";
import { QUERY_VENDORS } from "./vendors";

/** Paths of the demo's tables, relative to the data directory; some of its data sets also have a `train.csv`. */
export const TABLES = {
  /** Origin of every picture: image_files,vendor,code_point,class_name,group,held_out. */
  images: "demo_images.csv",
  /** Views of one drawing, which share a fold: image_files,group; missing without views. */
  groups: "groups.csv",
  /** Queries: image_files,labels. */
  queries: "retrieval/queries.csv",
  /** Index: image_files,labels. */
  index: "retrieval/index.csv",
  /** Held-out classes: labels,class_name,group. */
  classes: "retrieval/classes.csv",
} as const;

/** Writes all tables of a drawing. */
export async function writeTables(folder: string, drawn: readonly PlacedPicture[]): Promise<void> {
  await writeOrigins(folder, drawn);
  await writeGroups(folder, drawn);
  await writeOwnTables(folder, drawn);
  await writeRetrieval(folder, drawn);
}

/** Returns the counts of each group, in merge order of the data sets. */
export function countGroups(drawn: readonly PlacedPicture[]): DemoGroupCounts[] {
  return DEMO_GROUPS.map(({ group, dataset }) => {
    const pictures = drawn.map(({ picture }) => picture).filter((picture) => picture.class.group === group);
    const train = pictures.filter(({ heldOut }) => !heldOut);
    const heldOut = pictures.filter((picture) => picture.heldOut);
    const queries = heldOut.filter(({ vendor }) => QUERY_VENDORS.includes(vendor)).length;
    return {
      group,
      dataset,
      trainClasses: new Set(train.map((picture) => picture.class)).size,
      trainImages: train.length,
      heldOutClasses: new Set(heldOut.map((picture) => picture.class)).size,
      queries,
      index: heldOut.length - queries,
    };
  });
}

async function writeOrigins(folder: string, drawn: readonly PlacedPicture[]): Promise<void> {
  const columns = ["image_files", "vendor", "code_point", "class_name", "group", "held_out"];
  const rows = drawn.map(({ file, picture: { class: entry, vendor, heldOut } }) => {
    return [file, vendor, entry.codePoint, entry.label, entry.group, heldOut ? 1 : 0];
  });
  await writeCsv(join(folder, TABLES.images), columns, rows);
}

/** Writes the drawings of which there are several views, the first one first. */
async function writeGroups(folder: string, drawn: readonly PlacedPicture[]): Promise<void> {
  const named = drawn.map((placed) => {
    const { class: entry, vendor } = placed.picture;
    return { ...placed, group: `${entry.slug} ${vendor}` };
  });
  const several = new Set(named.filter(({ picture }) => picture.view > 0).map(({ group }) => group));
  const rows = named.filter(({ group }) => several.has(group)).map(({ file, group }) => [file, group]);
  if (rows.length > 0) await writeCsv(join(folder, TABLES.groups), ["image_files", "group"], rows);
}

/** Writes the train.csv of the data sets that have one. */
async function writeOwnTables(folder: string, drawn: readonly PlacedPicture[]): Promise<void> {
  for (const { group, dataset } of DEMO_GROUPS) {
    const table = DEMO_LAYOUTS[dataset]!.table;
    if (!table) continue;
    const pictures = drawn.map(({ picture }) => picture).filter((p) => !p.heldOut && p.class.group === group);
    await writeCsv(join(folder, "raw", dataset, "train.csv"), table.columns, table.rows(pictures));
  }
}

async function writeRetrieval(folder: string, drawn: readonly PlacedPicture[]): Promise<void> {
  const heldOut = drawn.filter(({ picture }) => picture.heldOut);
  const classes = [...new Set(heldOut.map(({ picture }) => picture.class))];
  const labels = new Map(classes.map((entry, label) => [entry, label]));
  const rowsOf = (isQuery: boolean) =>
    heldOut
      .filter(({ picture }) => QUERY_VENDORS.includes(picture.vendor) === isQuery)
      .map(({ picture, file }) => ({ imageFile: file, label: labels.get(picture.class)! }));
  const queries = rowsOf(true);
  const index = rowsOf(false);
  for (const [entry, label] of labels) {
    if ([queries, index].every((rows) => rows.some((row) => row.label === label))) continue;
    throw new Error(
      `The held-out class "${entry.label}" lost all its queries, or its whole index, in drawing.`,
    );
  }
  await writeImageRows(join(folder, TABLES.queries), queries);
  await writeImageRows(join(folder, TABLES.index), index);
  await writeCsv(
    join(folder, TABLES.classes),
    ["labels", "class_name", "group"],
    classes.map((entry, label) => [label, entry.label, entry.group]),
  );
}
