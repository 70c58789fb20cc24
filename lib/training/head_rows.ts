// Maps the rows of a head trained on one table to the classes of another, by class name.
import { UserError } from "../common/errors";
import { pickRows } from "../common/vectors";
import type { MadeOfSettings } from "../config/parts";
import { HEAD_WEIGHT, MARGIN_SHARE_NAME } from "../model/weight_names";
import type { WeightSource } from "../model/weight_source";
import { madeOf } from "../runs/provenance";
import { learnedClasses, listed, nameChanges, readNote } from "../runs/run_note";
import type { RunData } from "./data/run_data";

/**
 * Finds the place of each class in the head of the run that this one starts from.
 * @param folder the folder of that run
 * @param known the number of classes in its head
 * @returns undefined if the head fits as it is or has another number of classes, or if that run is older than notes
 * @throws UserError if that run has not learned all of the classes, or if its classes are unknown
 */
export function headRows(
  folder: string,
  known: number,
  config: MadeOfSettings,
  { classes, classCount }: Pick<RunData, "classes" | "classCount">,
): Int32Array | undefined {
  const note = readNote(folder);
  if (!note) return undefined;
  const before = learnedClasses(note);
  if (before && classes) return rowsByName(folder, before, classes);
  if (known === classCount && note.table.sha256 !== madeOf(config)?.table.sha256) {
    throw new UserError(
      `${folder} was trained on another table (of ${note.table.rows} rows), and no table of class names says whether its ${known} classes are the present ones.`,
      FRESH_HEAD_ADVICE,
    );
  }
  return undefined;
}

function rowsByName(
  folder: string,
  before: readonly string[],
  now: readonly string[],
): Int32Array | undefined {
  if (nameChanges(before, now) === "") return undefined;
  const places = new Map(before.map((name, place) => [name, place]));
  const unknown = now.filter((name) => !places.has(name));
  const isAmbiguous = places.size < before.length;
  if (unknown.length === 0 && !isAmbiguous) return Int32Array.from(now, (name) => places.get(name)!);
  const why = isAmbiguous
    ? "several of its classes have the same name"
    : `it has not learned ${listed(unknown)}`;
  throw new UserError(
    `${folder} knows ${before.length} classes, the training table has ${now.length}: ${why}.`,
    FRESH_HEAD_ADVICE,
  );
}

const FRESH_HEAD_ADVICE =
  "Train on the earlier table; or give --reinit-head (reinitHead: true): neck and backbone are kept, the head starts afresh.";

/**
 * Returns the same weights with a selection of the head's rows.
 * @param classes places in the head
 * @param K rows per class
 */
export function withHeadRows(source: WeightSource, classes: Int32Array, K: number): WeightSource {
  const lengthOf = (name: string) => (name === HEAD_WEIGHT ? K : name === MARGIN_SHARE_NAME ? 1 : 0);
  const shapes = new Map(
    [...source.shapes].map(([name, shape]) => {
      const rows = lengthOf(name);
      return [name, rows > 0 ? [classes.length * rows, ...shape.slice(1)] : shape];
    }),
  );
  const write = (name: string, memory: Float32Array) => {
    const rows = lengthOf(name);
    if (rows === 0) return source.write(name, memory);
    const shape = source.shapes.get(name)!;
    const whole = new Float32Array(shape.reduce((product, size) => product * size, 1));
    source.write(name, whole);
    const length = rows * shape.slice(1).reduce((product, size) => product * size, 1);
    memory.set(pickRows({ data: whole, count: whole.length / length, length }, classes).data);
  };
  return { shapes, write, close: source.close };
}
