// The sections of a report of an inspection: a table, and cards of pictures to look at.

import type { LeftOut } from "../common/files/image_folder";
import { percent } from "../common/words";
import { leftOutText } from "../datasets/own/left_out";
import { type InspectReport, PHOTOS_SHOWN, type TwinPair } from "./inspect";

/** A picture on a card. */
export interface CardPicture {
  image: string;
  /** A line below it, for example its class. */
  note: string;
  /** The class that a click can give it, for relabel.csv. */
  relabelTo?: string;
  /** True for a file that is left out by itself: there is nothing to decide. */
  isLeftOut?: boolean;
}

/** Pictures that belong together. */
export interface Card {
  text: string;
  pictures: CardPicture[];
}

/** A section. */
export interface Section {
  /** The table's name, also of its file: NAME.csv. */
  name: string;
  title: string;
  /** A sentence: what it lists, and how sure it is. */
  text: string;
  columns: string[];
  rows: (string | number)[][];
  /** The first of the rows as cards. */
  cards: Card[];
}

/** The number of cards in a section of the page; the table has all rows. */
const MOST_CARDS = 60;

const rounded = (value: number) => Number(value.toFixed(4));

/** Returns all sections of a report, also empty ones; without labels, only those that need none. */
export function sectionsOf(report: InspectReport): Section[] {
  const [odd, twins, unlike] = [oddSection(report), twinSection(report), unlikeSection(report)];
  if (report.classes < 2) return [odd, twins, unlike];
  return [odd, wrongSection(report), twins, sameSection(report), groupSection(report), unlike];
}

/** Returns the files of a report that every command leaves out. */
export function leftOutOf(oddFiles: InspectReport["oddFiles"]): LeftOut[] {
  return oddFiles.filter(({ isLeftOut }) => isLeftOut).map(({ image, reason }) => ({ file: image, reason }));
}

function oddSection({ oddFiles }: InspectReport): Section {
  const leftOut = leftOutText(leftOutOf(oddFiles));
  return {
    name: "odd_files",
    title: "Broken and odd files",
    text: `Files that are no images or cannot be read, which every command leaves out, and photos that are tiny, huge, of one colour or very long.${leftOut && ` ${leftOut}.`}`,
    columns: ["image_files", "reason", "left_out"],
    rows: oddFiles.map(({ image, reason, isLeftOut }) => [image, reason, isLeftOut ? "yes" : ""]),
    cards: oddFiles.slice(0, MOST_CARDS).map(({ image, reason, isLeftOut }) => ({
      text: isLeftOut ? `left out: ${reason}` : reason,
      pictures: [{ image, note: "", isLeftOut }],
    })),
  };
}

function wrongSection({ wrongLabels, wrongShare }: InspectReport): Section {
  return {
    name: "wrong_labels",
    title: "Likely wrong labels",
    text: `Photos that are nearer to another class than to their own. About ${(100 * wrongShare).toFixed(1)} % of all labels seem wrong.`,
    columns: ["image_files", "class_name", "nearest_class", "chance"],
    rows: wrongLabels.map(({ image, className, nearestClass, chance }) => [
      image,
      className,
      nearestClass,
      rounded(chance),
    ]),
    cards: wrongLabels.slice(0, MOST_CARDS).map(({ image, className, nearestClass, relabelTo, chance }) => ({
      text: `${className}, looks like ${nearestClass} (${percent(chance)})`,
      pictures: [{ image, note: className, ...(relabelTo === "" ? {} : { relabelTo }) }],
    })),
  };
}

function twinSection({ twins }: InspectReport): Section {
  const note = (className: string, side: string) => [className, side].filter(Boolean).join(", ");
  return {
    name: "twins",
    title: "One photo twice",
    text: "Pairs that are the same photo, perhaps cropped, mirrored, turned or brightened: first those of two classes, then those of two sides (training, validation, held out: a leak).",
    columns: [
      "finding",
      "likeness",
      "mirrored",
      "image_a",
      "image_b",
      "class_a",
      "class_b",
      "side_a",
      "side_b",
      "group",
    ],
    rows: twins.map((pair) => [
      pair.finding,
      rounded(pair.likeness),
      pair.mirrored ? "yes" : "",
      pair.imageA,
      pair.imageB,
      pair.classA,
      pair.classB,
      pair.sideA,
      pair.sideB,
      pair.group,
    ]),
    cards: twins.slice(0, MOST_CARDS).map((pair: TwinPair) => ({
      text: `${pair.finding}, likeness ${pair.likeness.toFixed(3)}${pair.mirrored ? ", mirrored" : ""}`,
      pictures: [
        { image: pair.imageA, note: note(pair.classA, pair.sideA) },
        { image: pair.imageB, note: note(pair.classB, pair.sideB) },
      ],
    })),
  };
}

function sameSection({ sameClasses }: InspectReport): Section {
  return {
    name: "same_classes",
    title: "Classes that are probably one",
    text: `At least a fifth of the photos of each class is nearer to the other class than to its own. All photos are compared; the first ${PHOTOS_SHOWN} of each class are shown.`,
    columns: ["class_a", "class_b", "nearer_to_b", "nearer_to_a"],
    rows: sameClasses.map(({ classA, classB, shareA, shareB }) => [
      classA,
      classB,
      rounded(shareA),
      rounded(shareB),
    ]),
    cards: sameClasses.slice(0, MOST_CARDS).map(({ classA, classB, shareA, shareB, imagesA, imagesB }) => ({
      text: `${classA} and ${classB}: ${percent(shareA)} and ${percent(shareB)} are nearer to the other`,
      pictures: [
        ...imagesA.map((image) => ({ image, note: classA })),
        ...imagesB.map((image) => ({ image, note: classB })),
      ],
    })),
  };
}

function groupSection({ twoGroups }: InspectReport): Section {
  return {
    name: "two_groups",
    title: "Classes whose photos differ most (a ranking, not findings)",
    text: `The third of the classes, at most twelve, whose photos fall into the two most distant groups: perhaps a class that is two, perhaps photos of two places or packages. Any class can be divided, so look at them. Gap: how much nearer a photo's direction is to the centre of its own group than to that of the other, as a mean difference of cosines (0: one group). All photos of a class are divided; the first ${PHOTOS_SHOWN} of each group are shown.`,
    columns: ["class_name", "gap", "images_a", "images_b"],
    rows: twoGroups.map(({ className, gap, sizeA, sizeB }) => [className, rounded(gap), sizeA, sizeB]),
    cards: twoGroups.slice(0, MOST_CARDS).map(({ className, gap, sizeA, sizeB, imagesA, imagesB }) => ({
      text: `${className}: groups of ${sizeA} and ${sizeB}, gap ${gap.toFixed(2)}`,
      pictures: [
        ...imagesA.map((image) => ({ image, note: "first group" })),
        ...imagesB.map((image) => ({ image, note: "second group" })),
      ],
    })),
  };
}

function unlikeSection({ unlike }: InspectReport): Section {
  return {
    name: "unlike",
    title: "Photos unlike all others",
    text: "Photos whose nearest neighbours are farther than those of nearly all other photos. Deviations: how far a photo's likeness to its three nearest photos lies below that of the photo in the middle, in standard deviations; three or more are listed.",
    columns: ["image_files", "class_name", "deviations"],
    rows: unlike.map(({ image, className, deviations }) => [image, className, rounded(deviations)]),
    cards: unlike.slice(0, MOST_CARDS).map(({ image, className, deviations }) => ({
      text: `${deviations.toFixed(1)} deviations`,
      pictures: [{ image, note: className }],
    })),
  };
}
