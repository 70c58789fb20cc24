// Sentences about what was recognised in a person's photos.

import type { LeftOut } from "../../common/files/image_folder";
import { grouped } from "../../common/grouped";
import type { FoundImage } from "./own_images";

const NAMES_SHOWN = 5;

/** Returns "1 image", "2 images", "2 classes". */
export function plural(count: number, word: string): string {
  const many = word.endsWith("s") ? `${word}es` : `${word}s`;
  return `${count.toLocaleString("en-US")} ${count === 1 ? word : many}`;
}

/** Returns a name for a sentence: in quotes if it has spaces at its ends, quotes or line breaks. */
export function shown(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names with them are shown escaped
  return name === "" || /[\u0000-\u001f\u007f"]|^\s|\s$/.test(name) ? JSON.stringify(name) : name;
}

/** Returns the first names, and the number of others. */
export function shownList(names: readonly string[]): string {
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  return names.slice(0, NAMES_SHOWN).map(shown).join(", ") + more;
}

/** Returns the sentence that sums up: "class folders, 10 classes, 312 images". */
export function summary(layout: string, images: readonly FoundImage[]): string {
  const classes = new Set(images.map(({ className }) => className));
  classes.delete("");
  const counted = classes.size === 0 ? "no classes" : plural(classes.size, "class");
  return `${layout}, ${counted}, ${plural(images.length, "image")}`;
}

/** Returns the sentence about splits; none if no image has one. */
export function splitNote(images: readonly FoundImage[]): string[] {
  const bySplit = grouped(images, ({ split }) => split);
  if (bySplit.size === 0 || (bySplit.size === 1 && bySplit.has(""))) return [];
  const order = ["train", "validation", "test", ""] as const;
  const counts = order.flatMap((split) => {
    const count = bySplit.get(split)?.length ?? 0;
    return count === 0 ? [] : [`${count.toLocaleString("en-US")} ${split || "in none"}`];
  });
  return [`splits: ${counts.join(", ")}`];
}

const FILM = /\.(mov|mp4|m4v|avi|mkv|webm|3gp|mts|mpe?g|wmv)$/i;
const RAW_PHOTO = /\.(dng|cr2|cr3|nef|arw|orf|rw2|raf|pef|srw)$/i;
const ARCHIVE = /\.(zip|tar|tgz|gz|7z|rar|xz|bz2)$/i;
const HEIC = /\.(heic|heif|hif)$/i;
const NO_IMAGE = "not an image, by its ending";

/** Kinds of files that are no images, and what is said of one and of several. */
const KINDS: readonly { ending: RegExp; one: string; many: string }[] = [
  { ending: FILM, one: "is a film", many: "films are not read" },
  {
    ending: RAW_PHOTO,
    one: "is a camera's raw photo: export it as JPEG to have it read",
    many: "camera raw photos are not read, export them as JPEG",
  },
  {
    ending: ARCHIVE,
    one: "is an archive: unpack it to have it read",
    many: "archives are not read, unpack them",
  },
  { ending: /(?:)/, one: "is no image", many: "files are no images" },
];

/**
 * Returns the sentences about kinds of files.
 * @param others files without meaning for the reader: notes, unused tables
 */
export function fileNotes(
  images: readonly FoundImage[],
  leftOut: readonly LeftOut[],
  others: readonly string[],
): string[] {
  const heic = images.filter(({ file }) => HEIC.test(file)).length;
  const names = [...others, ...leftOut.filter(({ reason }) => reason === NO_IMAGE).map(({ file }) => file)];
  const byKind = grouped(names, (name) => KINDS.find(({ ending }) => ending.test(name))!);
  const kinds = KINDS.filter((kind) => byKind.has(kind)).toReversed();
  const byReason = grouped(
    leftOut.filter(({ reason }) => reason !== NO_IMAGE),
    ({ reason }) => reason,
  );
  return [
    ...(heic === 0 ? [] : [`${plural(heic, "HEIC photo")} ${heic === 1 ? "is" : "are"} read`]),
    ...kinds.map((kind) => kindNote(byKind.get(kind)!, kind)),
    ...[...byReason].map(
      ([reason, same]) => `left out, ${reason}: ${shownList(same.map(({ file }) => file))}`,
    ),
  ];
}

function kindNote(names: readonly string[], { one, many }: (typeof KINDS)[number]): string {
  return names.length === 1 ? `${shown(names[0]!)} ${one}` : `${names.length} ${many}: ${shownList(names)}`;
}

/** Returns the sentences about class names: nearly equal ones, and classes of one image. */
export function classNotes(images: readonly FoundImage[]): string[] {
  const sizes = new Map<string, number>();
  for (const { className } of images) sizes.set(className, (sizes.get(className) ?? 0) + 1);
  const without = sizes.get("") ?? 0;
  sizes.delete("");
  const names = [...sizes.keys()].sort();
  const alike = [...grouped(names, (name) => name.trim().replace(/\s+/g, " ").toLowerCase()).values()];
  const single = names.filter((name) => sizes.get(name) === 1);
  return [
    ...alike
      .filter((same) => same.length > 1)
      .map((same) => `classes that differ only by case or spaces: ${same.map(quoted).join(", ")}`),
    ...(single.length === 0
      ? []
      : [`${plural(single.length, "class")} of one image, too few to learn from: ${shownList(single)}`]),
    ...(without > 0 && names.length > 0
      ? [`${plural(without, "image")} ${without === 1 ? "has" : "have"} no class`]
      : []),
  ];
}

const quoted = (name: string) => JSON.stringify(name);
