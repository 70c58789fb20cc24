// The atlas: projection, figure, sprite, the user's own image.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { figureSvg } from "guie/dist/notebook/output/figure";
import { makeSprite } from "guie/dist/notebook/output/sprite";
import { buildAtlas } from "guie/dist/notebook/views/atlas";
import { atlasFigure } from "guie/dist/notebook/views/atlas_figure";
import { localImagePath, placeImage } from "guie/dist/notebook/views/own_image";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { JSDOM } from "jsdom";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";

const COLOURS = ["#ff0000", "#00ff00", "#0000ff", "#ffff00"];

/** Makes eight images per class, four of which are queries. Embeddings of class c lie around axis c. */
async function retrievalSet(folder: string, classes = 4) {
  const files: string[] = [];
  for (const [i, background] of COLOURS.entries()) {
    files.push(join(folder, `${i}.png`));
    const picture = sharp({ create: { width: 30, height: 15, channels: 3, background } }).png();
    writeFile(files[i]!, await picture.toBuffer());
  }
  const random = randomStream(2, "retrieval set");
  const count = 4 * classes;
  const labels = Array.from({ length: count }, (_, row) => row % classes);
  const vectors = (): Vectors => ({
    data: Float32Array.from(
      { length: 8 * count },
      (_, i) => (labels[Math.floor(i / 8)] === i % 8 ? 1 : 0) + 0.1 * random.normal(),
    ),
    count,
    length: 8,
  });
  const set = { files: labels.map((label) => `${label}.png`), labels };
  const [queries, index] = [vectors(), vectors()];
  const datasets = labels.map((label) => (label < 2 ? "<b>warm</b>" : "cold"));
  return {
    dataDir: folder,
    files: { queries: set, index: set },
    queries,
    index,
    neighbours: await nearestNeighbours(queries, index, 5),
    labels: {
      queryLabels: labels,
      indexLabels: labels,
      queryDatasets: datasets,
      indexDatasets: datasets,
    },
    classNames: new Map([[0, "<i>red</i>"]]),
  };
}

test("an atlas has queries and index on both maps; the same seed gives the same atlas and the same sample", async (t) => {
  const source = await retrievalSet(temporaryFolder(t));
  const atlas = await buildAtlas(source, { seed: 1 });
  assert.deepEqual(
    atlas.maps.map(({ name, places }) => [name, places.count, places.length]),
    [
      ["UMAP", 32, 2],
      ["PCA", 32, 2],
    ],
  );
  const { image: _, ...first } = atlas.points[0]!;
  const nearest = { isRight: true, className: "<i>red</i>" };
  assert.deepEqual(first, {
    label: 0,
    className: "<i>red</i>",
    dataset: "<b>warm</b>",
    role: "query",
    nearest,
  });
  assert.equal(atlas.points[16]!.role, "index");
  const again = await buildAtlas(source, { seed: 1 });
  assert.deepEqual(again.maps[0]!.places, atlas.maps[0]!.places);
  const [some, same, other] = await Promise.all(
    [1, 1, 2].map((seed) => buildAtlas(source, { seed, maxPoints: 10 })),
  );
  assert.deepEqual([some!.points.length, some!.imageCount], [10, 32]);
  assert.deepEqual(some!.points, same!.points);
  assert.notDeepEqual(some!.points, other!.points);
});

test("its figure has every point once per colouring, labels as text, and a picture without menus", async (t) => {
  const source = await retrievalSet(temporaryFolder(t));
  const atlas = await buildAtlas(source);
  const embedder = { embedFiles: async () => ({ data: source.index.data.slice(0, 8), count: 1, length: 8 }) };
  const ownImage = await placeImage(atlas, embedder, atlas.points[0]!.image);
  const { figure, pictures } = await atlasFigure(atlas, [ownImage]);
  const byColouring = new Map<boolean, number>();
  for (const { visible, x } of figure.data)
    byColouring.set(visible !== false, (byColouring.get(visible !== false) ?? 0) + (x as number[]).length);
  assert.deepEqual(byColouring.get(true), 32 + 1, "by data set, and the star");
  assert.deepEqual(byColouring.get(false), 2 * 32, "by class; right or wrong");
  const svg = await figureSvg(figure);
  assert.equal(svg.match(/<path class="point[ "]/g)!.length, 33);
  assert.equal(svg.includes("updatemenu"), false);
  const { document } = new JSDOM(svg).window;
  const names = [...document.querySelectorAll(".legendtext")].map(({ textContent }) => textContent);
  assert.deepEqual(names, ["<b>warm</b>", "cold", "yours"]);
  assert.doesNotMatch(pictures.bundle["text/html"] as string, /<i>red|<b>warm/);
});

test("a sprite has every image in its place, whole and on white; a smaller limit gives smaller tiles", async (t) => {
  const folder = temporaryFolder(t);
  await retrievalSet(folder);
  const files = COLOURS.map((_, i) => join(folder, `${i}.png`));
  const { source, columns, rows, tilePx } = await makeSprite(files.slice(0, 3), 1_000_000);
  assert.deepEqual([columns, rows, tilePx], [2, 2, 96]);
  const { data, info } = await sharp(Buffer.from(source.split(",")[1]!, "base64"))
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height], [192, 192]);
  const colourAt = (column: number, row: number, y = 48) => {
    const at = 3 * ((row * 96 + y) * 192 + column * 96 + 48);
    return [...data.subarray(at, at + 3)].map((value) => Math.round(value / 51) * 51);
  };
  assert.deepEqual(
    [colourAt(0, 0), colourAt(1, 0), colourAt(0, 1)],
    [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ],
  );
  // 30 x 15: white above and below; the fourth tile is empty
  assert.deepEqual([colourAt(0, 0, 8), colourAt(1, 1)], Array(2).fill([255, 255, 255]));
  assert.equal((await makeSprite(files, 100)).tilePx, 32);
  await assert.rejects(makeSprite([join(folder, "none.png")], 100), {
    name: "UserError",
    message: /none\.png/,
  });
});

test("the user's own image is a path or a file: URL; nothing is fetched", () => {
  assert.equal(localImagePath("/a/b c.png"), "/a/b c.png");
  assert.equal(localImagePath("file:///a/b%20c.png"), "/a/b c.png");
  for (const url of ["http://127.0.0.1/a.png", "HTTPS://example.org/a.png", "data:image/png;base64,AA"]) {
    const scheme = url.split(":")[0]!.toLowerCase();
    assert.throws(() => localImagePath(url), {
      name: "UserError",
      message: new RegExp(`got a ${scheme}: URL.*Nothing is fetched`),
    });
  }
  assert.throws(() => localImagePath("file://elsewhere/a.png"), { name: "UserError" });
});
