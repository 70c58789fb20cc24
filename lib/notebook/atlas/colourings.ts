// The ways to colour the points of an atlas.
import { manyColours } from "../output/plots";
import type { AtlasPoint } from "./atlas";
import type { AtlasColouring } from "./page";

const ANSWER_COLOURS = { right: "#2ca25f", wrong: "#e34a33", index: "#9a9a9a" };
/** Most classes that a legend lists. */
const MOST_NAMED = 24;

/** Colourings, and the group of each point in each. */
export interface Colourings {
  colourings: AtlasColouring[];
  /** Of each colouring, [N]. */
  groups: Uint32Array[];
  /** The colouring whose groups are the classes. */
  byClass: number;
}

/** Returns the colourings: by data set if there are several, by class, by whether a query's nearest image is right. */
export function colouringsOf(points: readonly AtlasPoint[]): Colourings {
  const found: { colouring: AtlasColouring; groups: Uint32Array }[] = [];
  const datasets = [...new Set(points.map(({ dataset }) => dataset))].sort();
  if (datasets.length > 1)
    found.push(grouped("data set", datasets, points, ({ dataset }) => dataset, String));
  const labels = [...new Set(points.map(({ label }) => label))].sort((a, b) => a - b);
  const names = new Map(points.map(({ label, className }) => [label, className]));
  const byClass = found.length;
  found.push(
    grouped(
      "class",
      labels,
      points,
      ({ label }) => label,
      (label) => names.get(label)!,
      MOST_NAMED,
    ),
  );
  const answers = (["index", "right", "wrong"] as const).filter((answer) =>
    points.some((point) => answerOf(point) === answer),
  );
  const words = { index: "index", right: "query, nearest is right", wrong: "query, nearest is wrong" };
  const answered = grouped("right or wrong", answers, points, answerOf, (answer) => words[answer]);
  for (const [i, answer] of answers.entries()) answered.colouring.groups[i]!.colour = ANSWER_COLOURS[answer];
  found.push(answered);
  return {
    colourings: found.map(({ colouring }) => colouring),
    groups: found.map(({ groups }) => groups),
    byClass,
  };
}

function answerOf({ nearest }: AtlasPoint): keyof typeof ANSWER_COLOURS {
  return nearest ? (nearest.isRight ? "right" : "wrong") : "index";
}

function grouped<Key>(
  name: string,
  keys: readonly Key[],
  points: readonly AtlasPoint[],
  keyOf: (point: AtlasPoint) => Key,
  nameOf: (key: Key) => string,
  mostNamed = Number.POSITIVE_INFINITY,
) {
  const colours = manyColours(keys.length);
  const groupOf = new Map(keys.map((key, i) => [key, i]));
  return {
    colouring: {
      name,
      groups: keys.map((key, i) => ({ name: nameOf(key), colour: hexOf(colours[i]!) })),
      isNamed: keys.length <= mostNamed,
    },
    groups: Uint32Array.from(points, (point) => groupOf.get(keyOf(point))!),
  };
}

const HSL = /^hsl\((\d+), (\d+)%, (\d+)%\)$/;

/** Returns a colour "#rrggbb" or "hsl(120, 50%, 40%)" as "#rrggbb" (CSS Color 4, section 7). */
function hexOf(colour: string): string {
  const [hue, saturation, lightness] = HSL.exec(colour)?.slice(1).map(Number) ?? [];
  if (lightness === undefined) return colour;
  const light = lightness / 100;
  const spread = (saturation! / 100) * Math.min(light, 1 - light);
  const channel = (offset: number) => {
    const k = (offset + hue! / 30) % 12;
    const value = light - spread * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}
