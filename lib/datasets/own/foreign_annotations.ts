// Exports of annotation tools that are not read: told by name, with the way to a table.
import { basename } from "node:path";
import { UserError } from "../../common/errors";

/** An export that is not read. */
interface Foreign {
  tool: string;
  /** True for texts that look like one: the beginning and the end of a file. */
  isOne: (text: string) => boolean;
  next: string;
}

const OWN_TABLE = "or write a CSV with the columns file,class: a row for each image";

const FOREIGN: readonly Foreign[] = [
  {
    tool: "the VGG Image Annotator (VIA)",
    isOne: (text) =>
      /"_via_(settings|img_metadata|image_id_list)"|region_shape_attributes/.test(text) ||
      (text.includes('"filename"') && text.includes('"regions"')),
    next: `In VIA: Annotation, Export Annotations (COCO format); ${OWN_TABLE}.`,
  },
  {
    tool: "Label Studio",
    isOne: (text) =>
      text.includes('"data"') &&
      /"(annotations|completions)"/.test(text) &&
      /"(result|from_name)"/.test(text),
    next:
      "In Label Studio: Export, CSV; then name the CSV with its columns and the folder of the images, for example " +
      `--image-column image --class-column choice --root FOLDER; ${OWN_TABLE}.`,
  },
];

/**
 * Refuses an export of a tool that is known and not read.
 * @param text the beginning and the end of the file
 * @throws UserError that names the tool and the way to a table
 */
export function refuseForeign(path: string, text: string): void {
  const found = FOREIGN.find(({ isOne }) => isOne(text));
  if (!found) return;
  throw new UserError(
    `${basename(path)} is an export of ${found.tool}, which is not read: ${path}.`,
    found.next,
  );
}
