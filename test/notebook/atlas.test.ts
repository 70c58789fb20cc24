// The atlas: projection, nearest images, the widget's state and answers, the user's own image.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { buildAtlas } from "guie/dist/notebook/atlas/atlas";
import { atlasView } from "guie/dist/notebook/atlas/atlas_view";
import { localImagePath, placeImage } from "guie/dist/notebook/atlas/own_image";
import type { AtlasState } from "guie/dist/notebook/atlas/page";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { JSDOM } from "jsdom";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { commOf, forgetComms, moveInPage, sendInPage } from "./fake_comms";

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
    index: 0,
    nearest,
  });
  assert.deepEqual([atlas.points[16]!.role, atlas.points[19]!.index], ["index", 3]);
  const again = await buildAtlas(source, { seed: 1 });
  assert.deepEqual(again.maps[0]!.places, atlas.maps[0]!.places);
  const [some, same, other] = await Promise.all(
    [1, 1, 2].map((seed) => buildAtlas(source, { seed, maxPoints: 10 })),
  );
  assert.deepEqual([some!.points.length, some!.imageCount], [10, 32]);
  assert.deepEqual(some!.points, same!.points);
  assert.notDeepEqual(some!.points, other!.points);
});

test("the nearest images of a point are in the index, without the point itself, and know their places", async (t) => {
  const source = await retrievalSet(temporaryFolder(t));
  const atlas = await buildAtlas(source);
  const expected = source.neighbours.positions[5]!;
  const ofQuery = await atlas.nearest(5, 5);
  assert.deepEqual(
    ofQuery.map(({ place, image }) => [place, image.index]),
    Array.from(expected, (position) => [16 + position, position]),
  );
  const own = await atlas.nearest(16 + 2, 100);
  assert.equal(own.length, 15);
  assert.ok(own.every(({ image }) => image.index !== 2));
  assert.equal(own[0]!.image.label, 2);
  const { index } = source;
  const vector = { data: index.data.slice(8, 16), count: 1, length: 8 };
  const [first] = await atlas.nearest(vector, 1);
  assert.deepEqual([first!.place, first!.image.index, first!.cosine.toFixed(5)], [17, 1, "1.00000"]);
  const some = await buildAtlas(source, { maxPoints: 10 });
  const places = (await some.nearest(0, 16)).map(({ place }) => place);
  const drawn = some.points.flatMap(({ role }, place) => (role === "index" ? [place] : []));
  assert.deepEqual(places.filter((place) => place >= 0).sort(), drawn.sort());
});

test("its widget holds every point once per map and colouring; its picture has them all, with labels as text", async (t) => {
  forgetComms();
  const source = await retrievalSet(temporaryFolder(t));
  const atlas = await buildAtlas(source);
  const embedder = { embedFiles: async () => ({ data: source.index.data.slice(0, 8), count: 1, length: 8 }) };
  const own = await placeImage(atlas, embedder, atlas.points[0]!.image);
  const view = await atlasView(atlas, [own]);
  const { state } = commOf("AnyModel").data as { state: Record<string, unknown> };
  const { maps, colourings, byClass, placedNames } = state as unknown as AtlasState;
  assert.deepEqual([maps, byClass, placedNames], [["UMAP", "PCA"], 1, ["yours: 0.png"]]);
  assert.deepEqual(
    colourings.map(({ name, groups }) => [name, groups.length, groups[0]!.name]),
    [
      ["data set", 2, "<b>warm</b>"],
      ["class", 4, "<i>red</i>"],
      ["right or wrong", 2, "index"],
    ],
  );
  const buffers = commOf("AnyModel").buffers!.map((bytes) => bytes.length);
  assert.deepEqual(
    buffers,
    [8 * 33, 8 * 33, 33, 4 * 32, 4 * 32, 4 * 32, 0],
    "places, shapes, groups, selection",
  );
  const { html, text } = view.still();
  assert.equal(
    text,
    "The embedding atlas: 32 images, similar images near each other. Map: UMAP; colour: data set.",
  );
  const { document } = new JSDOM(html).window;
  assert.match(document.body.textContent!, /● <b>warm<\/b>.*● cold.*● ★ yours: 0\.png/s);
  const [, base64] = document.querySelector("img")!.src.split(",");
  const { data } = await sharp(Buffer.from(base64!, "base64"))
    .raw()
    .ensureAlpha()
    .toBuffer({ resolveWithObject: true });
  const colours = new Set<string>();
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] === 255) colours.add(data.subarray(i, i + 3).toString("hex"));
  for (const colour of ["4c78a8", "f58518", "e6007a"]) assert.ok(colours.has(colour), colour);
});

test("a click gets the image and its nearest ones; what the page selects is a list, and goes to exclude.csv", async (t) => {
  forgetComms();
  const folder = temporaryFolder(t);
  const source = await retrievalSet(folder);
  const atlas = await buildAtlas(source);
  const view = await atlasView(atlas);
  const comm = commOf("AnyModel");
  await sendInPage(comm, { view: "tab 1", kind: "open", point: 0 });
  const { data, buffers } = comm.sent.at(-1)!;
  const { view: tab, items } = data.content as {
    view: string;
    items: { title: string; frame: string; point: number }[];
  };
  const [first, second] = items;
  assert.deepEqual([tab, items.length, buffers.length], ["tab 1", 7, 7]);
  assert.deepEqual([first!.title, first!.frame, second!.frame], ["<i>red</i>", "green", "green"]);
  assert.equal(second!.point, 16 + source.neighbours.positions[0]![0]!);
  const { width, height, format } = await sharp(buffers[0]).metadata();
  assert.deepEqual([width, height, format], [30, 15, "jpeg"]);

  await assert.rejects(view.exclude(), /Nothing is selected/);
  const told: number[] = [];
  view.onSelect((selected) => told.push(selected.length));
  const bytes = new Uint8Array(Uint32Array.from([1, 2, 17]).buffer);
  await moveInPage(comm, { selected: bytes });
  await moveInPage(comm, { map: 1 });
  assert.deepEqual(
    view.selected().map(({ image, label, role, index }) => [image.slice(folder.length), label, role, index]),
    [
      ["/1.png", 1, "query", 1],
      ["/2.png", 2, "query", 2],
      ["/1.png", 1, "index", 1],
    ],
  );
  assert.deepEqual(told, [3]);
  const { added, known, path } = await view.exclude("drawn twice");
  assert.deepEqual([added, known], [2, 1]);
  assert.equal(readFileSync(path, "utf8"), "image_files,reason\n1.png,drawn twice\n2.png,drawn twice\n");
  writeFile(join(folder, "3.png"), "no image");
  await sendInPage(comm, { view: "tab 1", kind: "hover", point: 3 });
  const [broken] = (comm.sent.at(-1)!.data.content as { items: { problem: string }[] }).items;
  assert.match(broken!.problem, /3\.png/);
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
