// Plans the path of every picture, and holds out a fifth of the classes.
import { UserError } from "../../common/errors";
import { randomStream } from "../../common/random";
import type { DemoClass, DemoSource } from "./classes";
import { DEMO_GROUPS } from "./groups";
import { DEMO_LAYOUTS, type DemoPicture } from "./layouts";
import { planPicture } from "./picture";
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
  return DEMO_GROUPS.flatMap(({ group, dataset }) => {
    const all = source.classes.filter((entry) => entry.group === group);
    const classes = classesPerGroup === undefined ? all : pickSome(all, classesPerGroup, seed);
    const heldOut = pickHeldOut(classes, seed);
    return classes.flatMap((entry) => planClass(entry, dataset, heldOut.has(entry), seed));
  });
}

function planClass(entry: DemoClass, dataset: string, heldOut: boolean, seed: number): PlacedPicture[] {
  const layout = DEMO_LAYOUTS[dataset]!;
  return entry.drawings.map(({ vendor, icon }, index) => {
    const random = randomStream(seed, "demo picture", entry.codePoint, vendor);
    const plan = planPicture(random, !heldOut && layout.jpegOnly === true);
    const picture = { class: entry, vendor, icon, index, heldOut, plan };
    const file = heldOut
      ? `retrieval/images/${entry.slug}/${vendor}.${plan.format}`
      : `raw/${dataset}/${layout.place(picture)}`;
    return { picture, file };
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
