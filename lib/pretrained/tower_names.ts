// Recognises the family of a file's tensor names, and reads a tower's weights under open_clip's names.

import { UserError } from "../common/errors";
import { elementCount } from "../common/vectors";
import type { TensorEntry } from "../formats/safetensors";
import type { TensorInfo } from "../formats/safetensors_header";
import { joinNames, type TensorFile } from "../formats/tensor_file";
import type { Tower } from "../model/tower";
import { TOWERS, towerShapes } from "../model/towers";
import { blockName } from "../model/weight_names";
import { NAME_FAMILIES, type NameFamily, type Source } from "./name_families";
import { choosePart } from "./tower_parts";
import { requireFinite, requireUnquantised } from "./usable_weights";

type Tensors = ReadonlyMap<string, TensorInfo>;

/** The recognised naming of a file. */
export interface Naming {
  family: NameFamily;
  /** Prefix of the family's names: `visual.`, `module.visual.trunk.`, ... */
  prefix: string;
}

/** A part of the values of a tensor. */
interface Part {
  /** The file's tensor; undefined for zeros. */
  name?: string;
  shape: readonly number[];
  /** Fills memory of the shape's size. */
  write(file: TensorFile, memory: Float32Array): void;
}

/** A tower's tensors in a file. */
export interface FoundTower {
  /** Tensors under open_clip's names. */
  entries: TensorEntry[];
  /** Name of the file's family. */
  naming: string;
  /** Label of the tower in the file, and labels of the others, as in `TowerPart.label`. */
  part: string;
  otherParts: string[];
}

/**
 * Finds the tensors of a tower in a file with names of any of NAME_FAMILIES. `proj` is left out if the file has none:
 * features do not need it.
 * @param part the tower to take from several, as `choosePart` accepts it
 * @throws UserError if the file holds something else, with the models that it fits; on reading a value that is NaN or
 * infinite
 */
export function towerEntries(path: string, file: TensorFile, tower: Tower, part?: string): FoundTower {
  const namings = recognise(path, file.tensors);
  const found = namings.map((naming) => {
    const tensors = ownTensors(file.tensors, naming, namings);
    const inFile = findTowerIn(tensors, naming, tower);
    return { ...inFile, label: naming.prefix.slice(0, -1) || ".", fits: inFile.faults.length === 0, naming };
  });
  const chosen = choosePart(path, found, part);
  const { parts, faults, naming, label } = chosen;
  const names = new Set([...parts.values()].flat().flatMap(({ name }) => name ?? []));
  requireUnquantised(path, file.tensors, [...names], faults.length > 0);
  if (faults.length > 0) throw misfit(path, file.tensors, naming, tower, faults);
  const shapes = towerShapes(tower);
  const entries = [...parts].map(([name, sources]) => {
    const shape = shapes.get(name)!;
    return { name, shape, data: () => readParts(path, file, sources, elementCount(shape)) };
  });
  const otherParts = found.filter((one) => one !== chosen).map((one) => one.label);
  return { entries, naming: naming.family.name, part: label, otherParts };
}

/** Returns the names of the towers that a file's tensors fit. @throws UserError for unknown tensor names */
export function fittingTowers(path: string, file: TensorFile): string[] {
  const namings = recognise(path, file.tensors);
  return TOWERS.filter((tower) =>
    namings.some(
      (naming) => findTowerIn(ownTensors(file.tensors, naming, namings), naming, tower).faults.length === 0,
    ),
  ).map(({ name }) => name);
}

/**
 * Returns the first matching family of every prefix that has one; an optimizer's tensors are ignored.
 * @throws UserError if there is none
 */
function recognise(path: string, tensors: Tensors): Naming[] {
  const found = new Map<string, Naming>();
  for (const family of NAME_FAMILIES) {
    const [first, ...others] = family.signs as [string, ...string[]];
    for (const name of tensors.keys()) {
      if (name !== first && !name.endsWith(`.${first}`)) continue;
      const prefix = name.slice(0, name.length - first.length);
      if (found.has(prefix) || /(^|\.)optimizer\./.test(prefix)) continue;
      if (others.every((other) => tensors.has(prefix + other))) found.set(prefix, { family, prefix });
    }
  }
  if (found.size > 0) return [...found.values()];
  throw new UserError(
    `${path} holds no Vision Transformer under known names; it holds ${joinNames([...tensors.keys()])}.`,
    `Known names are those of ${NAME_FAMILIES.map(({ name }) => name).join(", ")}.`,
  );
}

/** Returns a tower's tensors without those of towers below it: `visual.` belongs to `visual.`, not to "". */
function ownTensors(tensors: Tensors, { prefix }: Naming, all: readonly Naming[]): Tensors {
  const below = all
    .map((other) => other.prefix)
    .filter((other) => other !== prefix && other.startsWith(prefix));
  if (below.length === 0) return tensors;
  return new Map([...tensors].filter(([name]) => !below.some((other) => name.startsWith(other))));
}

/** Returns the parts of each tensor of a tower, and descriptions of all that does not fit (none if it fits). */
function findTowerIn(
  tensors: Tensors,
  naming: Naming,
  tower: Tower,
): { parts: Map<string, Part[]>; faults: string[] } {
  const parts = new Map<string, Part[]>();
  const used = new Set<string>();
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [name, shape] of towerShapes(tower)) {
    const sources = sourcesOf(naming, name);
    const names = sources.map(nameOf);
    for (const inFile of names) used.add(inFile);
    const absent = names.filter((inFile) => !tensors.has(inFile));
    if (absent.length > 0) {
      if (name !== "proj") missing.push(...absent);
      continue;
    }
    const found = sources.map((source) => partOf(tensors, source));
    if (name === "positional_embedding" && naming.family.foldsClassPosition) {
      addClassPosition(found, shape as [number, number]);
    }
    // timm has a classifier in place of CLIP's `proj`
    const isClassifier = name === "proj" && naming.family.library === "timm";
    if (squeezed(joinedShape(found)) === squeezed(shape)) parts.set(name, found);
    else if (!isClassifier)
      misshapen.push(`${names.join(" + ")} (expected [${shape}], found [${joinedShape(found)}])`);
  }
  const unexpected = [...tensors.keys()].filter((name) => !used.has(name) && belongsToTower(naming, name));
  const faults = Object.entries({ missing, unexpected, "of another shape": misshapen })
    .filter(([, names]) => names.length > 0)
    .map(([fault, names]) => `${fault}: ${joinNames(names)}`);
  return { parts, faults };
}

/** Returns the sources of an open_clip name, in the file's names; open_clip's own names are not in the table. */
export function sourcesOf({ family, prefix }: Naming, name: string): Source[] {
  const block = /\.(\d+)\./.exec(name)?.[1] ?? "";
  const kind = /(weight|bias)$/.exec(name)?.[1] ?? "";
  const row = entryOf(family, name) ?? name;
  const inFile = (theirs: string) => {
    const whole = theirs.startsWith("^") ? parentOf(prefix) + theirs.slice(1) : prefix + theirs;
    return whole.replace("*", block).replace("#", kind);
  };
  return [row].flat().map((source) => {
    if (typeof source === "string") return inFile(source);
    if ("transposed" in source) return { transposed: inFile(source.transposed) };
    return { ...source, rows: inFile(source.rows) };
  });
}

/** Returns a family's entry for an open_clip name, if it has one. */
export function entryOf({ names }: NameFamily, name: string): NameFamily["names"][string] | undefined {
  const general = name.replace(/\.\d+\./, ".*.");
  return names[general] ?? names[general.replace(/(weight|bias)$/, "#")];
}

/** Returns the parent of a prefix: `module.vision_model.` -> `module.` */
function parentOf(prefix: string): string {
  return prefix.replace(/[^.]+\.$/, "");
}

/** Returns the name of the tensor that a source reads. */
export function nameOf(source: Source): string {
  if (typeof source === "string") return source;
  return "rows" in source ? source.rows : source.transposed;
}

function partOf(tensors: Tensors, source: Source): Part {
  const name = nameOf(source);
  const { shape } = tensors.get(name)!;
  if (typeof source === "string")
    return { name, shape, write: (file, memory) => file.readInto(name, memory) };
  if ("transposed" in source) {
    const write: Part["write"] = (file, memory) => transpose(file.read(name), shape.at(-1)!, memory);
    return { name, shape: [...shape].reverse(), write };
  }
  const [rows, ...row] = shape as [number, ...number[]];
  const { from, to, of } = source;
  const start = (elementCount(shape) / of) * from;
  return {
    name,
    shape: [(rows / of) * (to - from), ...row],
    write: (file, memory) => memory.set(file.read(name).subarray(start, start + memory.length)),
  };
}

/** Transposes a matrix: [rows, columns] -> [columns, rows]. */
export function transpose(before: Float32Array, columns: number, after: Float32Array): void {
  const rows = before.length / columns;
  for (let i = 0; i < before.length; i++) after[(i % columns) * rows + Math.floor(i / columns)] = before[i]!;
}

/** Prepends a row of zeros if positions [1, N, D] are for 1 + N tokens. */
function addClassPosition(parts: Part[], [tokens, width]: readonly [number, number]): void {
  const positions = parts[0]!.shape;
  if (positions.length !== 3 || positions[1] !== tokens - 1) return;
  parts[0] = { ...parts[0]!, shape: positions.slice(1) };
  parts.unshift({ shape: [1, width], write: (_, memory) => void memory.fill(0) });
}

/** Returns the shape of concatenated parts; NaN if they do not fit together. */
function joinedShape(parts: readonly Part[]): number[] {
  const [first, ...others] = parts.map(({ shape }) => shape);
  if (others.length === 0) return [...first!];
  const row = first!.slice(1);
  const fits = others.every((shape) => shape.slice(1).join() === row.join());
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return [fits ? rows : Number.NaN, ...row];
}

/** Returns a shape as text, without axes of length 1: a token is [D] in one library and [1, 1, D] in another. */
function squeezed(shape: readonly number[]): string {
  return shape.filter((size) => size !== 1).join();
}

function readParts(path: string, file: TensorFile, parts: readonly Part[], length: number): Float32Array {
  const values = new Float32Array(length);
  let start = 0;
  for (const { name, shape, write } of parts) {
    const end = start + elementCount(shape);
    const part = values.subarray(start, end);
    write(file, part);
    if (name !== undefined) requireFinite(path, name, part);
    start = end;
  }
  return values;
}

/** Returns true if a tensor should belong to the tower: in a whole CLIP, only names below the prefix. */
function belongsToTower({ family, prefix }: Naming, name: string): boolean {
  return name.startsWith(prefix) && !family.ignored.test(name.slice(prefix.length));
}

function misfit(path: string, tensors: Tensors, naming: Naming, tower: Tower, faults: string[]): UserError {
  const fitting = TOWERS.filter((other) => findTowerIn(tensors, naming, other).faults.length === 0);
  const models = fitting.map(({ name }) => `--model ${name}`).join(" or ");
  return new UserError(
    `${path} does not fit ${tower.name}. It holds ${describe(tensors, naming)}; ${faults.join("; ")}.`,
    models ? `It fits ${models}.` : "It fits no known model: check the file.",
  );
}

/** Describes the tower in a file, in words. */
function describe(tensors: Tensors, naming: Naming): string {
  const shapeOf = (name: string) => tensors.get(nameOf(sourcesOf(naming, name)[0]!))?.shape ?? [];
  let blocks = 0;
  while (shapeOf(`${blockName(blocks)}.ln_1.weight`).length > 0) blocks++;
  const width = shapeOf("ln_post.weight")[0];
  const patch = shapeOf("conv1.weight").at(-1);
  const positions = shapeOf("positional_embedding").at(-2);
  return `a tower with ${naming.family.name}'s names: width ${width}, ${blocks} blocks, patches of ${patch} px, ${positions} positions`;
}
