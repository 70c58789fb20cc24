// Plans every picture's place, and holds a fifth of the classes out.
import { UserError } from "../../common/errors";
import { randomStream } from "../../common/random";
import type { DemoClass, DemoSource } from "./classes";
import { DEMO_GROUPS } from "./groups";
import { DEMO_LAYOUTS, type DemoPicture } from "./layouts";
import { planPicture } from "./picture";
import { QUERY_VENDORS } from "./vendors";

/** One class in five is held out for retrieval. */
const HELD_OUT_SHARE = 0.2;

/** A picture and its path relative to the data directory. */
export interface PlacedPicture {
  picture: DemoPicture;
  file: string;
}

/**
 * Everything that is to be drawn, group by group.
 * @param classesPerGroup take only so many classes of each group; undefined for all
 * @throws UserError where that is no number of classes
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

/** A fifth of the classes of one group, among those that can both ask and be found. */
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
