// Plans the path of every picture, holds out a fifth of the classes, and adds views to some of the others.
import { UserError } from "../../common/errors";
import { randomStream } from "../../common/random";
import type { DemoClass, DemoSource } from "./classes";
import { DEMO_GROUPS } from "./groups";
import { DEMO_LAYOUTS, type DemoPicture } from "./layouts";
import { planPicture } from "./picture";
import { planTail } from "./tail";
import { QUERY_VENDORS } from "./vendors";

/** Share of classes held out for retrieval. */
const HELD_OUT_SHARE = 0.2;

/** A picture and its path relative to the data directory. */
export interface PlacedPicture {
  picture: DemoPicture;
  file: string;
}

/**
 * Returns all pictures to draw, group by group.
 * @param classesPerGroup number of classes to take from each group; undefined for all
 * @throws UserError if `classesPerGroup` is not a positive whole number
 */
export function planDemo(source: DemoSource, seed: number, classesPerGroup?: number): PlacedPicture[] {
  if (classesPerGroup !== undefined && !(Number.isSafeInteger(classesPerGroup) && classesPerGroup > 0)) {
    throw new UserError(
      `classesPerGroup must be a whole number from 1, it is ${classesPerGroup}.`,
      "Leave it out (in the notebook: undefined) for all classes.",
    );
  }
  const groups = DEMO_GROUPS.map(({ group, dataset }) => {
    const all = source.classes.filter((entry) => entry.group === group);
    const classes = classesPerGroup === undefined ? all : pickSome(all, classesPerGroup, seed);
    return { dataset, classes, heldOut: pickHeldOut(classes, seed) };
  });
  const training = groups.flatMap(({ classes, heldOut }) => classes.filter((entry) => !heldOut.has(entry)));
  const tail = planTail(training, seed);
  return groups.flatMap(({ dataset, classes, heldOut }) => [
    ...classes.flatMap((entry) => planClass(entry, dataset, heldOut.has(entry), seed)),
    ...classes.flatMap((entry) => planViews(entry, dataset, tail.get(entry) ?? 0, seed)),
  ]);
}

/** Plans the first picture of each drawing of a class. */
function planClass(entry: DemoClass, dataset: string, heldOut: boolean, seed: number): PlacedPicture[] {
  const layout = DEMO_LAYOUTS[dataset]!;
  return entry.drawings.map(({ vendor, icon }, index) => {
    const random = randomStream(seed, "demo picture", entry.codePoint, vendor);
    const plan = planPicture(random, !heldOut && layout.jpegOnly === true);
    const picture = { class: entry, vendor, icon, view: 0, index, heldOut, plan };
    const file = heldOut
      ? `retrieval/images/${entry.slug}/${vendor}.${plan.format}`
      : `raw/${dataset}/${layout.place(picture)}`;
    return { picture, file };
  });
}

/** Plans further views of a training class's drawings, one after the other. */
function planViews(entry: DemoClass, dataset: string, count: number, seed: number): PlacedPicture[] {
  const { drawings, codePoint } = entry;
  const layout = DEMO_LAYOUTS[dataset]!;
  return Array.from({ length: count }, (_, i) => {
    const { vendor, icon } = drawings[i % drawings.length]!;
    const view = 1 + Math.floor(i / drawings.length);
    const random = randomStream(seed, "demo picture", codePoint, vendor, view);
    const plan = planPicture(random, layout.jpegOnly === true);
    const picture = { class: entry, vendor, icon, view, index: drawings.length + i, heldOut: false, plan };
    return { picture, file: `raw/${dataset}/${layout.place(picture)}` };
  });
}

/** Picks a fifth of a group's classes, among those that can have both queries and an index. */
function pickHeldOut(classes: readonly DemoClass[], seed: number): Set<DemoClass> {
  const suitable = classes.filter(({ drawings }) => {
    const queries = drawings.filter(({ vendor }) => QUERY_VENDORS.includes(vendor)).length;
    return queries > 0 && queries < drawings.length;
  });
  const count = Math.max(1, Math.round(classes.length * HELD_OUT_SHARE));
  const random = randomStream(seed, "demo held out", classes[0]?.group ?? "");
  return new Set(random.shuffle(suitable).slice(0, count));
}

function pickSome(classes: readonly DemoClass[], count: number, seed: number): DemoClass[] {
  const chosen = new Set(
    randomStream(seed, "demo subset", classes[0]?.group ?? "")
      .shuffle(classes)
      .slice(0, count),
  );
  return classes.filter((entry) => chosen.has(entry));
}
