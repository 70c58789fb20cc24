// Reads a MATLAB array of structs (Stanford Cars).
import { join } from "node:path";
import { UserError } from "../../common/errors";
import { findFile } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import type { MatlabArray } from "../matlab/arrays";
import { readMatlabFile } from "../matlab/matlab_file";
import { checkedImagePath } from "./image_path";
import { presenceIn } from "./presence";
import { emptyReading, type LabelledImage, type Reader } from "./reader";

/** A data set with its annotations in a MATLAB struct array, one element per image. */
export interface MatlabStructsLayout {
  /** The MATLAB file, relative to the data set's folder. */
  file: string;
  /** The variable that holds the struct array. */
  annotations: string;
  /** The field with an image's path relative to the data set's folder. */
  pathField: string;
  /** The field with the class number, from 1. */
  classField: string;
  /** The variable with the class names: a cell array of text, the first for class 1. */
  classNames: string;
  /** Advice for a file that is missing or has another structure. */
  next: string;
}

type Struct = Record<string, MatlabArray>;

const IMAGES_PER_REPORT = 5_000;

/** Returns a reader for annotations in a MATLAB struct array (Stanford Cars). */
export function matlabStructs(layout: MatlabStructsLayout): Reader {
  return async (folder, report) => {
    const path = join(folder, layout.file);
    const { structs, names } = readAnnotations(path, layout);
    const reading = emptyReading();
    const isPresent = presenceIn(folder);
    for (const [index, struct] of structs.entries()) {
      const where = `${path}, ${layout.annotations}(${index + 1})`;
      const named = checkedImagePath(textField(struct, layout.pathField, where), where);
      const file = findFile(folder, named) ?? named;
      const label = classField(struct, layout.classField, names, where);
      if (await isPresent(file)) reading.images.push({ file, ...label });
      else reading.skipped.missingImages++;
      if ((index + 1) % IMAGES_PER_REPORT === 0 || index + 1 === structs.length) {
        await checkInterrupt();
        report(index + 1, structs.length, "images");
      }
    }
    if (reading.images.length === 0) throw noImages(path, folder, layout);
    return reading;
  };
}

function readAnnotations(path: string, layout: MatlabStructsLayout): { structs: Struct[]; names: string[] } {
  const variables = readMatlabFile(path, [layout.annotations, layout.classNames], layout.next);
  const annotations = variables[layout.annotations];
  if (annotations?.kind !== "struct" || annotations.elements.length === 0) {
    throw new UserError(
      `Expected the struct array "${layout.annotations}" in ${path}: there is none.`,
      layout.next,
    );
  }
  for (const field of [layout.pathField, layout.classField]) {
    if (annotations.fields.includes(field)) continue;
    const found = annotations.fields.join(", ");
    throw new UserError(
      `${path}: ${layout.annotations} lacks the field "${field}"; it has: ${found}.`,
      layout.next,
    );
  }
  const classNames = variables[layout.classNames];
  const cells = classNames?.kind === "cell" ? classNames.cells : [];
  return {
    structs: annotations.elements,
    names: cells.map((cell) => (cell.kind === "char" && cell.rows[0]) || ""),
  };
}

function textField(struct: Struct, field: string, where: string): string {
  const value = struct[field]!;
  if (value.kind === "char" && value.rows.length === 1) return value.rows[0]!;
  throw new UserError(`${where}: ${field} must be one line of text.`, "Unpack the annotations again.");
}

/**
 * Returns the class and its name. The file counts classes from 1; the CSV counts them from 0 in order of appearance.
 */
function classField(
  struct: Struct,
  field: string,
  names: readonly string[],
  where: string,
): Pick<LabelledImage, "classKey" | "className"> {
  const value = struct[field]!;
  const number = value.kind === "numeric" && value.values.length === 1 ? value.values[0]! : Number.NaN;
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new UserError(
      `${where}: ${field} must be a whole number from 1, it is ${value.kind === "numeric" ? `[${value.values}]` : value.kind}.`,
      "Unpack the annotations again; the unlabelled test images have a separate file.",
    );
  }
  const name = names[number - 1];
  if (names.length > 0 && !name) {
    throw new UserError(`${where}: there is no name for class ${number}, only ${names.length} names.`);
  }
  return { classKey: String(number), className: name };
}

function noImages(path: string, folder: string, { next }: MatlabStructsLayout): UserError {
  return new UserError(`None of the images that ${path} names is in ${folder}.`, next);
}
