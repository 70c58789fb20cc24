// Twins: copies that were changed are found in drawn pictures, other pictures are not, and groups hold no chains.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { stackRows } from "guie/dist/common/vectors";
import { decodeRgb } from "guie/dist/images/decode";
import { resizeRgb } from "guie/dist/images/resize";
import { alignPictures, prepareThumbnail } from "guie/dist/inspection/aligned_pair";
import { findTwins, groupTwins, LEAST_LIKENESS } from "guie/dist/inspection/twins";
import sharp, { type Sharp } from "sharp";

/** Draws a picture of many soft shapes. */
function draw(seed: number): Sharp {
  const random = randomStream(seed, "shapes");
  const shapes = Array.from({ length: 45 }, () => {
    const [x, y, rx, ry] = [300, 300, 40, 40].map((most) => random.integer(5, most));
    const colour = `rgb(${random.integer(0, 255)},${random.integer(0, 255)},${random.integer(0, 255)})`;
    return `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${colour}" opacity="0.8"/>`;
  });
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><rect width="300" height="300" fill="#987"/>${shapes.join("")}</svg>`,
    ),
  ).flatten();
}

async function look(picture: Sharp) {
  const image = await decodeRgb(await picture.jpeg({ quality: 80 }).toBuffer());
  const { data } = resizeRgb(image, { method: "area", width: 64, height: 64 });
  const grey = Float32Array.from({ length: 64 * 64 }, (_, i) => {
    const [r, g, b] = data.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    return 0.299 * r + 0.587 * g + 0.114 * b;
  });
  return prepareThumbnail({ side: 64, grey });
}

const COPIES: Record<string, (picture: Sharp) => Sharp> = {
  "JPEG 40": (picture) => picture.jpeg({ quality: 40 }),
  "half size": (picture) => picture.resize(150, 150),
  squashed: (picture) => picture.resize(300, 200, { fit: "fill" }),
  mirror: (picture) => picture.flop(),
  brighter: (picture) => picture.linear(1.2, 10),
  "crop of 10 %": (picture) => picture.extract({ left: 20, top: 8, width: 270, height: 270 }),
  "crop of 30 %": (picture) => picture.extract({ left: 70, top: 30, width: 210, height: 210 }),
};

test("every changed copy agrees with its original, and another picture does not", async () => {
  const original = await look(draw(1));
  for (const [name, change] of Object.entries(COPIES)) {
    const copy = await look(sharp(await change(sharp(await draw(1).png().toBuffer())).toBuffer()));
    const aligned = alignPictures(original, copy);
    assert.ok((aligned?.likeness ?? 0) >= LEAST_LIKENESS, `${name}: ${aligned?.likeness}`);
    assert.equal(aligned!.mirrored, name === "mirror", name);
  }
  for (const seed of [2, 3, 4, 5, 6]) {
    const other = alignPictures(original, await look(draw(seed)));
    assert.ok((other?.likeness ?? 0) < LEAST_LIKENESS, `picture ${seed}: ${other?.likeness}`);
  }
});

test("twins are found by neighbours and by hashes; pictures of one colour are none", async () => {
  const [first, second] = [await look(draw(1)), await look(draw(2))];
  const copy = await look(draw(1).resize(150, 150));
  const flat = prepareThumbnail({ side: 64, grey: new Float32Array(64 * 64).fill(90) });
  const looks = [first, second, copy, flat, flat];
  const unit = stackRows(
    [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
      [0, -1],
    ],
    2,
  );
  const twins = await findTwins(unit, looks);
  assert.deepEqual(
    twins.map(({ a, b, group, mirrored }) => [a, b, group, mirrored]),
    [[0, 2, 0, false]],
  );
});

test("a group holds only photos that are all twins of each other", () => {
  const pair = (a: number, b: number, likeness: number) => ({ a, b, likeness, mirrored: false });
  const found = [pair(0, 1, 0.999), pair(1, 2, 0.99), pair(3, 4, 0.985), pair(2, 5, 0.98)];
  const pairs = new Set(found.map(({ a, b }) => `${a} ${b}`));
  const areTwins = (a: number, b: number) => pairs.has(`${Math.min(a, b)} ${Math.max(a, b)}`);
  assert.deepEqual(
    groupTwins(found, areTwins).map(({ group }) => group),
    [0, -1, 1, 2],
  );
  pairs.add("0 2");
  assert.deepEqual(
    groupTwins(found, areTwins).map(({ group }) => group),
    [0, 0, 1, -1],
  );
});
