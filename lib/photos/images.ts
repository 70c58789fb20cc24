// A person's own images: the files of a folder or a table, with their classes if they have some.
import { basename } from "node:path";
import { UserError } from "../common/errors";
import type { LeftOut } from "../common/files/image_folder";
import { randomStream } from "../common/random";

/** The parts of a list of images. */
export interface ImageParts {
  /** Absolute folder that the paths start from. */
  folder: string;
  /** Paths below the folder, sorted. */
  files: readonly string[];
  /** The name of each image's class, [N]; "" for an image without one. Undefined if no image has one. */
  classes?: readonly string[] | undefined;
  /** Absolute path of the folder or table, if these are all its images. */
  source?: string | undefined;
  /** Files that are not read, with the reason. */
  leftOut?: readonly LeftOut[];
  /** What was recognised, in sentences; the first is the summary. */
  said?: readonly string[];
}

/** A list of images on disk: what `images(source)` returns, and what models embed, search and learn. */
export class Images {
  readonly folder: string;
  readonly files: readonly string[];
  readonly classes: readonly string[] | undefined;
  readonly source: string | undefined;
  readonly leftOut: readonly LeftOut[];
  readonly said: readonly string[];

  constructor({ folder, files, classes, source, leftOut = [], said = [] }: ImageParts) {
    this.folder = folder;
    this.files = files;
    this.classes = classes;
    this.source = source;
    this.leftOut = leftOut;
    this.said = said;
  }

  /** N, the number of images. */
  get count(): number {
    return this.files.length;
  }

  /** The names of the classes, in the order in which they appear; empty without labels. */
  get classNames(): string[] {
    return [...new Set(this.classes)].filter((name) => name !== "");
  }

  /** Returns a row per class for a table: its name and its number of images, greatest first. */
  get balance(): { class: string; images: number }[] {
    const counts = new Map<string, number>();
    for (const name of this.classes ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
    counts.delete("");
    return [...counts].map(([name, images]) => ({ class: name, images })).sort((a, b) => b.images - a.images);
  }

  /** Returns the number of each image's class, [N], by `classNames`. @throws UserError for an image without a class */
  labels(): Int32Array {
    const numbers = new Map(this.classNames.map((name, number) => [name, number]));
    return Int32Array.from(this.files, (file, row) => {
      const number = numbers.get(this.classes?.[row] ?? "");
      if (number !== undefined) return number;
      throw new UserError(
        `${file} in ${this.folder} has no class.`,
        "Sort the images into a folder per class, or name a table with a column of classes; labelled() takes those that have one.",
      );
    });
  }

  /** Returns the images that have a class. */
  labelled(): Images {
    return this.ofClasses(this.classNames);
  }

  /** Returns some of the images, in the order of `rows`. @param rows positions within this list */
  pick(rows: readonly number[]): Images {
    const { folder, files, classes } = this;
    return new Images({
      folder,
      files: rows.map((row) => files[row]!),
      classes: classes && rows.map((row) => classes[row]!),
    });
  }

  /** Returns some images drawn by a seed, in the order of the draw: of different classes as long as there are any. */
  sample(count: number, { seed = 0 }: { seed?: number } = {}): Images {
    const order = randomStream(seed, "sample of images").shuffle(this.files.map((_, row) => row));
    const seen = new Set<string>();
    const [first, rest] = [[] as number[], [] as number[]];
    for (const row of order) {
      const name = this.classes?.[row] ?? "";
      (seen.has(name) ? rest : first).push(row);
      seen.add(name);
    }
    return this.pick([...first, ...rest].slice(0, count));
  }

  /** Returns the images of some classes. */
  ofClasses(names: Iterable<string>): Images {
    const wanted = new Set(names);
    return this.pick(rowsWhere(this.classes ?? [], (name) => wanted.has(name)));
  }

  /** Returns "312 images of 10 classes in photos", by the folder's own name. */
  toString(): string {
    const { count, classNames, folder } = this;
    const of = classNames.length > 0 ? ` of ${classNames.length} classes` : "";
    return `${count} images${of} in ${basename(folder)}`;
  }
}

/** The choice of classes to hold out. */
export interface HoldOutOptions {
  /** Share of the classes with at least two images, 0..1. Default: a third. */
  share?: number;
  seed?: number;
}

/** Images in two parts that share no class. */
export interface HeldOutImages {
  /** Images to learn from. */
  train: Images;
  /** Images to score by: whole classes that the model never sees. */
  heldOut: Images;
}

const THIRD = 1 / 3;

/**
 * Splits images by whole classes: scores on classes that training has never seen tell how good a search is. Classes of
 * one image stay with `train`. The same images, share and seed give the same split.
 * @throws UserError without labels, or if one of the two parts would have no class
 * @example
 * const { train, heldOut } = holdOut(await images("photos"), { share: 0.3, seed: 1 });
 */
export function holdOut(images: Images, { share = THIRD, seed = 999 }: HoldOutOptions = {}): HeldOutImages {
  if (images.classNames.length === 0) images.labels(); // refuses images without classes
  const usable = images.balance.filter(({ images }) => images > 1).map((row) => row.class);
  const drawn = Math.round(share * usable.length);
  if (!(share > 0 && share < 1) || drawn === 0 || drawn === images.classNames.length)
    throw new UserError(
      `Expected a share that leaves classes on both sides, got ${share}: it holds out ${drawn} of ${images.classNames.length} classes (${usable.length} have two images).`,
      usable.length > 1 ? "For example { share: 0.5 }." : "Add images: a held-out class needs two.",
    );
  const random = randomStream(seed, "held-out classes of images");
  const order = random.shuffle(usable.sort());
  const heldOut = new Set(order.slice(0, drawn));
  const classes = images.classes!;
  return {
    train: images.pick(rowsWhere(classes, (name) => name !== "" && !heldOut.has(name))),
    heldOut: images.pick(rowsWhere(classes, (name) => heldOut.has(name))),
  };
}

function rowsWhere(classes: readonly string[], isWanted: (name: string) => boolean): number[] {
  return classes.flatMap((name, row) => (isWanted(name) ? [row] : []));
}
