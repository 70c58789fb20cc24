// Reads a COCO JSON file as a stream.
import { createReadStream, statSync } from "node:fs";
import { JSONParser } from "@streamparser/json";
import { messageOf, UserError } from "../../common/errors";
import { requireFile } from "../../common/files/files";
import { checkInterrupt, Interrupted } from "../../common/interrupt";

/** Kept content of a COCO annotation file (cocodataset.org, "Data format"): no outlines, no boxes. */
export interface CocoFile {
  /** In file order. */
  images: { id: number; fileName: string }[];
  /** Category id -> name. */
  categoryNames: Map<number, string>;
  /** Image id -> category of its first annotation in file order. */
  firstCategory: Map<number, number>;
  /** Images with annotations of other categories, too. */
  ofSeveral: Set<number>;
}

type Item = Readonly<Record<string, unknown>>;

const LISTS = ["images", "annotations", "categories"] as const;
type ListName = (typeof LISTS)[number];

const CHUNK_BYTES = 1 << 20;
const BYTES_PER_MB = 1_000_000;
const NEXT = "Unpack the annotations of the data set again; they are in COCO's format.";

/**
 * Reads a COCO annotation file as a stream: most of its hundreds of megabytes are outlines, which are dropped at once.
 * The lists may come in any order.
 * @throws UserError if the file is missing, is not JSON, ends early, or lacks a required list or field
 */
export async function readCocoFile(
  path: string,
  report: (doneMb: number, totalMb: number) => void,
): Promise<CocoFile> {
  requireFile(path, "a JSON file", NEXT);
  const file: CocoFile = {
    images: [],
    categoryNames: new Map(),
    firstCategory: new Map(),
    ofSeveral: new Set(),
  };
  const counts: Record<ListName, number> = { images: 0, annotations: 0, categories: 0 };
  const parser = new JSONParser({ paths: LISTS.map((list) => `$.${list}.*`), keepStack: false });
  parser.onValue = ({ value, stack }) => {
    const list = stack[1]!.key as ListName;
    addItem(file, list, value as Item, `${path}, ${list}[${counts[list]++}]`);
  };
  try {
    await feed(parser, path, report);
  } catch (error) {
    if (error instanceof UserError || error instanceof Interrupted) throw error;
    throw new UserError(`${path} is not readable JSON: ${messageOf(error)}.`, NEXT, { cause: error });
  }
  for (const list of LISTS) {
    if (counts[list] > 0) continue;
    throw new UserError(`Expected the list "${list}" in ${path}: it is missing or empty.`, NEXT);
  }
  return file;
}

async function feed(
  parser: JSONParser,
  path: string,
  report: (done: number, total: number) => void,
): Promise<void> {
  const totalMb = Math.ceil(statSync(path).size / BYTES_PER_MB);
  let bytes = 0;
  for await (const chunk of createReadStream(path, {
    highWaterMark: CHUNK_BYTES,
  }) as AsyncIterable<Uint8Array>) {
    await checkInterrupt();
    parser.write(chunk);
    bytes += chunk.length;
    report(Math.floor(bytes / BYTES_PER_MB), totalMb);
  }
  if (!parser.isEnded) throw new Error(`it ends early, after ${bytes} bytes`);
}

function addItem(file: CocoFile, list: ListName, item: Item, where: string): void {
  if (list === "images") {
    file.images.push({ id: numberOf(item, "id", where), fileName: textOf(item, "file_name", where) });
  } else if (list === "categories") {
    file.categoryNames.set(numberOf(item, "id", where), textOf(item, "name", where));
  } else {
    const image = numberOf(item, "image_id", where);
    const category = numberOf(item, "category_id", where);
    const first = file.firstCategory.get(image);
    if (first === undefined) file.firstCategory.set(image, category);
    else if (first !== category) file.ofSeveral.add(image);
  }
}

function numberOf(item: Item, field: string, where: string): number {
  const value = item?.[field];
  if (Number.isSafeInteger(value)) return value as number;
  throw new UserError(`${where}: "${field}" must be a whole number, it is ${JSON.stringify(value)}.`, NEXT);
}

function textOf(item: Item, field: string, where: string): string {
  const value = item?.[field];
  if (typeof value === "string" && value !== "") return value;
  throw new UserError(`${where}: "${field}" must be text, it is ${JSON.stringify(value)}.`, NEXT);
}
