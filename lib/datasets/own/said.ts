// Sentences about what was recognised in a person's photos.

import { grouped } from "../../common/grouped";
import { counted } from "../../common/words";
import type { FoundImage } from "./own_images";

const NAMES_SHOWN = 5;

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
  const classCount = classes.size === 0 ? "no classes" : counted(classes.size, "class", "classes");
  return `${layout}, ${classCount}, ${counted(images.length, "image")}`;
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

const HEIC = /\.(heic|heif|hif)$/i;

/** Returns the sentence about HEIC photos; none if there are none. */
export function heicNote(images: readonly FoundImage[]): string[] {
  const heic = images.filter(({ file }) => HEIC.test(file)).length;
  return heic === 0 ? [] : [`${counted(heic, "HEIC photo")} ${heic === 1 ? "is" : "are"} read`];
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
      : [
          `${counted(single.length, "class", "classes")} of one image, too few to learn from: ${shownList(single)}`,
        ]),
    ...(without > 0 && names.length > 0
      ? [`${counted(without, "image")} ${without === 1 ? "has" : "have"} no class`]
      : []),
  ];
}

const quoted = (name: string) => JSON.stringify(name);
