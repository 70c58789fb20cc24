// Export of a tower's weights under another library's names: the inverse of the table of families.
import { UserError } from "../common/errors";
import { elementCount, rowOf } from "../common/vectors";
import type { TensorEntry } from "../formats/safetensors";
import type { Tower } from "../model/tower";
import { towerShapes } from "../model/towers";
import { LIBRARIES, type Library, NAME_FAMILIES, type NameFamily } from "./name_families";
import { entryOf, nameOf, sourcesOf, transpose } from "./tower_names";

/** One of several equal parts of a tensor of ours, along its rows; or the whole tensor, transposed. */
interface Piece {
  name: string;
  part: number;
  transposed: boolean;
  /** Shape within their tensor. */
  shape: number[];
}

type Read = (name: string) => Float32Array;

/**
 * Returns a tower's tensors under a library's names and shapes, so that the library's own model loads them strictly.
 * `proj` is left out if it is not in `names`, and always for timm, which has a classifier in its place.
 * @param names open_clip's names of the available tensors
 * @param read returns a tensor by open_clip's name
 * @throws UserError if the library has no such tower
 */
export function exportEntries(
  tower: Tower,
  library: Library,
  names: ReadonlySet<string>,
  read: Read,
): TensorEntry[] {
  const shapes = new Map([...towerShapes(tower)].filter(([name]) => names.has(name)));
  const family = familyOf(tower, library, shapes);
  const folded = family.foldsClassPosition && tower.registers > 0;
  if (folded) shapes.set("positional_embedding", [tower.positionGrid ** 2, tower.width]);
  const readFolded = folded ? withoutClassPosition(read, tower.width) : read;
  const entries = [...piecesOf(family, shapes)].map(([name, pieces]) => ({
    name,
    shape: [...leadingAxes(family, name), ...joinedShape(pieces)],
    data: () => join(pieces, readFolded),
  }));
  if (!family.unused) return entries;
  const { width } = tower;
  return [{ name: family.unused, shape: [1, width], data: new Float32Array(width) }, ...entries];
}

/** Libraries in order of preference: CLIP gets open_clip's names, DINOv2 its own, SigLIP timm's. */
const PREFERRED: readonly Library[] = ["open_clip", "dinov2", "timm", "huggingface"];

/** Returns the default library for a tower's names. @param names open_clip's names of the available tensors */
export function defaultLibrary(tower: Tower, names: ReadonlySet<string>): Library {
  const libraries = fittingFamilies(tower, names).map(({ library }) => library);
  return PREFERRED.find((library) => libraries.includes(library))!;
}

/** Returns the library's family that has a name for every tensor of the tower. */
function familyOf(tower: Tower, library: Library, shapes: ReadonlyMap<string, unknown>): NameFamily {
  const fitting = fittingFamilies(tower, shapes);
  const family = fitting.find((family) => family.library === library);
  if (family) return family;
  const others = LIBRARIES.filter((other) => fitting.some((family) => family.library === other));
  throw new UserError(
    `${library} has no tower like ${tower.name}.`,
    `Use the names of ${others.join(" or ")}. For example: --naming ${others[0]}`,
  );
}

function fittingFamilies(tower: Tower, names: { keys(): Iterable<string> }): NameFamily[] {
  return NAME_FAMILIES.filter((family) =>
    family.library === "open_clip"
      ? tower.pooling !== "attention" && !tower.layerScale
      : [...names.keys()].every((name) => name === "proj" || entryOf(family, name) !== undefined),
  );
}

/** Returns the pieces of each of their tensors, in the order of its rows. */
function piecesOf(family: NameFamily, shapes: ReadonlyMap<string, readonly number[]>): Map<string, Piece[]> {
  const pieces = new Map<string, Piece[]>();
  const naming = { family, prefix: family.prefix ?? "" };
  for (const [name, shape] of shapes) {
    if (name === "proj" && family.library === "timm") continue;
    const sources = sourcesOf(naming, name);
    for (const [part, source] of sources.entries()) {
      const transposed = typeof source === "object" && "transposed" in source;
      const ours = [shape[0]! / sources.length, ...shape.slice(1)];
      const piece = { name, part, transposed, shape: transposed ? ours.reverse() : ours };
      const theirs = nameOf(source);
      pieces.set(theirs, [...(pieces.get(theirs) ?? []), piece]);
    }
  }
  return pieces;
}

function leadingAxes({ leadingAxes = {}, prefix = "" }: NameFamily, name: string): number[] {
  return new Array<number>(leadingAxes[name.slice(prefix.length)] ?? 0).fill(1);
}

function joinedShape(pieces: readonly Piece[]): number[] {
  const rows = pieces.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return [rows, ...pieces[0]!.shape.slice(1)];
}

function join(pieces: readonly Piece[], read: Read): Float32Array {
  const values = new Float32Array(pieces.reduce((sum, { shape }) => sum + elementCount(shape), 0));
  let start = 0;
  for (const { name, part, shape, transposed } of pieces) {
    const length = elementCount(shape);
    const ours = rowOf({ data: read(name), length }, part);
    const place = values.subarray(start, start + length);
    // `ours` is [shape[1], shape[0]]
    if (transposed) transpose(ours, shape[0]!, place);
    else place.set(ours);
    start += length;
  }
  return values;
}

/** Returns a reader that adds the class token's position to the token. */
function withoutClassPosition(read: Read, width: number): Read {
  return (name) => {
    if (name === "positional_embedding") return read(name).subarray(width);
    if (name !== "class_embedding") return read(name);
    const position = read("positional_embedding");
    return read(name).map((value, i) => value + position[i]!);
  };
}
