// Plants errors for `npm run bench inspect`: wrong labels, changed copies of photos, split and merged classes.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "guie/dist/common/random.js";
import sharp from "sharp";

/** Classes of the Grocery Store data set on which the method was developed: results are told for the others. */
export const DEVELOPED_ON = [
  "Alpro-Blueberry-Soyghurt",
  "Alpro-Fresh-Soy-Milk",
  "Alpro-Vanilla-Soyghurt",
  "Anjou",
  "Arla-Medium-Fat-Milk",
  "Arla-Natural-Mild-Low-Fat-Yoghurt",
  "Arla-Standard-Milk",
  "Aubergine",
  "Bravo-Apple-Juice",
  "Bravo-Orange-Juice",
  "Brown-Cap-Mushroom",
  "Cabbage",
  "Carrots",
  "Conference",
  "Galia-Melon",
  "Garant-Ecological-Standard-Milk",
  "Ginger",
  "God-Morgon-Apple-Juice",
  "God-Morgon-Orange-Juice",
  "God-Morgon-Orange-Red-Grapefruit-Juice",
  "God-Morgon-Red-Grapefruit-Juice",
  "Granny-Smith",
  "Green-Bell-Pepper",
  "Honeydew-Melon",
  "Kaiser",
  "Mango",
  "Nectarine",
  "Oatly-Natural-Oatghurt",
  "Orange",
  "Papaya",
  "Passion-Fruit",
  "Pink-Lady",
  "Red-Bell-Pepper",
  "Red-Grapefruit",
  "Regular-Tomato",
  "Satsumas",
  "Sweet-Potato",
  "Tropicana-Juice-Smooth",
  "Tropicana-Mandarin-Morning",
  "Zucchini",
];

/**
 * Gives a share of the photos another label: of any class, or of a class that is confused with theirs.
 * @param confused for each class the classes of its photos' nearest other photos, one entry per photo; or undefined
 */
export function flipLabels(labels, classes, { share, seed, confused }) {
  const random = randomStream(seed, "flips", share, confused ? "confused" : "any");
  const rows = random.shuffle(labels.map((_, row) => row)).slice(0, Math.round(share * labels.length));
  const given = [...labels];
  for (const row of rows) {
    const own = labels[row];
    if (confused) given[row] = confused[own][random.integer(0, confused[own].length - 1)];
    else given[row] = (own + random.integer(1, classes - 1)) % classes;
  }
  return { given, wrong: new Set(rows) };
}

/** Returns a picture of RGB pixels. */
function rawPicture(data, { width, height }) {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** Cuts a share off the width and off the height, at a random place. */
async function cropped(picture, share, random) {
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  const [width, height] = [info.width, info.height].map((side) => Math.round(side * (1 - share)));
  const left = random.integer(0, info.width - width);
  const top = random.integer(0, info.height - height);
  return rawPicture(data, info).extract({
    left,
    top,
    width,
    height,
  });
}

const sized = async (picture, share) => {
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  return rawPicture(data, info).resize(Math.round(share * info.width), Math.round(share * info.height));
};

async function turned(picture, degrees) {
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  const { data: large, info: size } = await rawPicture(data, info)
    .rotate(degrees, { background: "#000" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return rawPicture(large, size).extract({
    left: (size.width - info.width) >> 1,
    top: (size.height - info.height) >> 1,
    width: info.width,
    height: info.height,
  });
}

/** Ways to change a copy, and the quality of its JPEG. */
export const COPIES = {
  "JPEG 40": { quality: 40, change: (picture) => picture },
  "half size": { quality: 90, change: (picture) => sized(picture, 0.5) },
  "crop of 10 %": { quality: 90, change: (picture, random) => cropped(picture, 0.1, random) },
  mirror: { quality: 90, change: (picture) => picture.flop() },
  "brighter by 30 %": { quality: 90, change: (picture) => picture.linear(1.3, 0) },
  "crop of 30 %": { quality: 90, change: (picture, random) => cropped(picture, 0.3, random) },
  "turned by 10 degrees": { quality: 90, change: (picture) => turned(picture, 10) },
};

/**
 * Writes changed copies of a share of the photos for each way to change them, each of another photo.
 * @returns the copies: file, row of the original, way
 */
export async function writeCopies(folder, photos, { share, seed, readPixels }) {
  const random = randomStream(seed, "copies", share);
  const rows = random.shuffle(photos.map((_, row) => row));
  const each = Math.round(share * photos.length);
  mkdirSync(folder, { recursive: true });
  const copies = [];
  for (const [way, { quality, change }] of Object.entries(COPIES)) {
    for (const row of rows.splice(0, each)) {
      const { data, width, height } = await readPixels(photos[row]);
      const picture = rawPicture(data, { width, height }).raw();
      const file = `${copies.length}.jpg`;
      await (await change(picture, random)).jpeg({ quality }).toFile(join(folder, file));
      copies.push({ file, row, way });
    }
  }
  return copies;
}

/** Splits two classes at random, and merges two others with a class each: any class, and the most confused one. */
export function changeClasses(labels, classes, { seed, confused }) {
  const random = randomStream(seed, "classes");
  const order = random.shuffle(Array.from({ length: classes }, (_, c) => c));
  const split = order.splice(0, 2);
  const merged = order.splice(0, 2);
  const count = (a, b) =>
    confused[a].filter((c) => c === b).length + confused[b].filter((c) => c === a).length;
  const others = [order[0], order.slice(1).sort((a, b) => count(merged[1], b) - count(merged[1], a))[0]];
  let next = classes;
  const halves = new Map(split.map((c) => [c, next++]));
  const given = labels.map((label) => {
    if (halves.has(label) && random.uniform() < 0.5) return halves.get(label);
    const at = others.indexOf(label);
    return at < 0 ? label : merged[at];
  });
  const present = [...new Set(given)].sort((a, b) => a - b);
  const number = new Map(present.map((c, i) => [c, i]));
  return {
    given: given.map((c) => number.get(c)),
    classes: present.length,
    split: [...halves].map(([a, b]) => [number.get(a), number.get(b)]),
    merged: merged.map((c) => number.get(c)),
  };
}
