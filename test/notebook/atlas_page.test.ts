// The parts of the atlas that draw and search in the page, by numbers: they need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browserCode } from "guie/dist/common/browser_files";
import { randomStream } from "guie/dist/common/random";
import type { AtlasSearch, DrawAtlas } from "guie/dist/notebook/atlas/page";

const draw = browserCode<DrawAtlas>("atlas_pixels");
const search = browserCode<(places: Float32Array) => AtlasSearch>("atlas_search");

const [SIDE, MARGIN] = [40, 24];
const [RED, BLUE] = [0xff0000ff, 0xffff0000];

/** Draws points on a square of 40 pixels; returns the pixel at a place. */
function drawn(
  places: number[],
  options: { shapes?: number[]; marks?: number[]; colours?: number[]; scale?: number; left?: number },
) {
  const count = places.length / 2;
  const {
    shapes = Array(count).fill(0),
    marks = Array(count).fill(0),
    colours = Array(count).fill(RED),
  } = options;
  const stride = SIDE + 2 * MARGIN;
  const pixels = new Uint32Array(stride * stride).fill(7);
  draw(
    { pixels, width: SIDE, height: SIDE, margin: MARGIN },
    {
      places: Float32Array.from(places),
      colours: Uint32Array.from(colours),
      shapes: Uint8Array.from(shapes),
      marks: Uint8Array.from(marks),
    },
    { scale: options.scale ?? 1, left: options.left ?? 0, top: 0, radius: 3 },
  );
  const at = (x: number, y: number) => pixels[(y + MARGIN) * stride + x + MARGIN]!;
  const row = (y: number) =>
    Array.from({ length: SIDE }, (_, x) => (at(x, y) === 0 ? "." : at(x, y) === RED ? "#" : "+")).join("");
  return { at, row };
}

test("a circle, a diamond and a star are drawn at their places, with soft edges", () => {
  const circle = drawn([0.5, 0.5], {});
  assert.equal(circle.row(20).slice(15, 26), "..+#####+..");
  assert.equal(circle.row(17).slice(15, 26), "....+++....");
  assert.equal(circle.at(17, 20) >>> 24, 128, "half of the pixel at the radius");
  const diamond = drawn([0.5, 0.5], { shapes: [1] });
  assert.match(diamond.row(20).slice(14, 27), /^\.\.\+#{7}\+\.\.$|^\.\+#{9}\+\.$/);
  assert.equal(diamond.at(23, 23), 0, "no corner");
  const star = drawn([0.5, 0.5], { shapes: [2] });
  assert.equal(star.at(20, 10), RED, "its tip is above");
  assert.equal(star.at(20, 30), 0, "and none below");
  assert.equal(star.row(5).replaceAll(".", ""), "", "within its radius of 12");
});

test("zoom moves points; those that are partly outside are cut; hidden ones are left out", () => {
  assert.equal(drawn([0.25, 0.25], { scale: 2, left: -10 }).at(10, 20), RED);
  assert.equal(drawn([0, 0.5], {}).row(20).slice(0, 5), "###+.");
  assert.equal(
    drawn([0.5, 0.5], { marks: [2] })
      .row(20)
      .replaceAll(".", ""),
    "",
  );
});

test("selected points are drawn last and full, the others faint", () => {
  const both = drawn([0.5, 0.5, 0.5, 0.5], { marks: [1, 0], colours: [RED, BLUE] });
  assert.equal(both.at(20, 20), RED);
  const other = drawn([0.5, 0.5, 0.1, 0.1], { marks: [0, 1] });
  assert.equal(other.at(20, 20) >>> 24, Math.round(0.16 * 256));
  assert.equal(other.at(4, 4), RED);
});

test("a colour over another one is mixed by its cover", () => {
  const over = drawn([0.5, 0.5, 0.575, 0.5], { colours: [BLUE, RED] });
  // The red circle, 3 pixels to the right, covers half of the pixel in the middle of the blue one.
  assert.equal(over.at(20, 20).toString(16), "ff800080");
});

test("the nearest point and those inside of a polygon are those that a plain search finds", () => {
  const random = randomStream(5, "places");
  const places = Float32Array.from({ length: 2_000 }, () => random.uniform());
  const found = search(places);
  const all = Array.from({ length: 1_000 }, (_, i) => i);
  const isShown = (point: number) => point % 3 !== 0;
  for (const [x, y] of [
    [0.5, 0.5],
    [0, 1],
    [0.99, 0.01],
  ] as const) {
    const distance = (i: number) => Math.hypot((places[2 * i]! - x) / 0.05, (places[2 * i + 1]! - y) / 0.1);
    const [best] = all.filter(isShown).sort((a, b) => distance(a) - distance(b));
    assert.equal(found.nearest(x, y, 0.05, 0.1, isShown), distance(best!) <= 1 ? best : -1);
  }
  assert.equal(found.nearest(2, 2, 0.05, 0.05, isShown), -1);
  // x + y < 1, x > 0.2, y > 0.1
  const corners = [
    [0.2, 0.1],
    [0.9, 0.1],
    [0.2, 0.8],
  ] as const;
  const inside = all.filter((i) => {
    const [x, y] = [places[2 * i]!, places[2 * i + 1]!];
    return isShown(i) && x > 0.2 && y > 0.1 && x + y < 1;
  });
  assert.ok(inside.length > 100);
  assert.deepEqual([...found.inside(corners, isShown)], inside);
});

test("the notch of a lasso is outside", () => {
  const { inside } = search(Float32Array.of(0.5, 0.5, 0.5, 0.2, 0.1, 0.8));
  const notched = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0.5, 0.4],
    [0, 1],
  ] as const;
  assert.deepEqual([...inside(notched, () => true)], [1, 2]);
});
