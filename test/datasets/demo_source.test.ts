// The demo's classes, icons, names and pictures.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { DATA_SETS } from "guie/dist/datasets/catalogue";
import { type DemoSource, readDemoSource } from "guie/dist/datasets/demo/classes";
import { DEMO_DATASETS, DEMO_GROUPS } from "guie/dist/datasets/demo/groups";
import { type IconSet, iconSvg } from "guie/dist/datasets/demo/icon_set";
import { DEMO_LAYOUTS } from "guie/dist/datasets/demo/layouts";
import { indexNames, matchByName } from "guie/dist/datasets/demo/names";
import { drawPicture } from "guie/dist/datasets/demo/picture";
import { planDemo } from "guie/dist/datasets/demo/plan";
import { VENDORS, vendorPackage } from "guie/dist/datasets/demo/vendors";
import sharp from "sharp";

let source: DemoSource | undefined;
/** Returns the source of the demo; reading the nine packages takes a second, so all tests share it. */
function demoSource(): DemoSource {
  source ??= readDemoSource();
  return source;
}

const emoji = (codePoint: string, label: string) => ({
  codePoint,
  label,
  order: 0,
  subgroup: "",
  version: 1,
});

test("names: labels come first, then Unicode's names, then vendors'; ambiguous names are not used", () => {
  const index = indexNames(
    [emoji("1", "Woman's Boot"), emoji("2", "boot"), emoji("3", "ring"), emoji("4", "bell")],
    new Map([
      ["1", "BOOT"], // "boot" is already the label of 2
      ["3", "JEWEL RING"],
      ["5", "NOT AN EMOJI"],
    ]),
    [
      ["door-bell", "4"],
      ["toy", "3"],
      ["toy", "4"],
    ],
  );
  assert.deepEqual(Object.fromEntries(index), {
    womansboot: "1",
    boot: "2",
    ring: "3",
    bell: "4",
    jewelring: "3",
    doorbell: "4",
  });
});

test("names: the first of several drawings counts, and corrections apply", () => {
  const icons = Object.fromEntries(
    ["strawberry-1", "strawberry-2", "turkey", "unknown"].map((name) => [name, { body: "" }]),
  );
  const index = new Map([
    ["strawberry", "1F353"],
    ["turkey", "1F983"],
  ]);
  const found = (vendor: "noto-v1" | "streamline-emojis") =>
    Object.fromEntries(matchByName(vendor, { icons }, index));
  assert.deepEqual(found("noto-v1"), { "1F353": "strawberry-1", "1F983": "turkey" });
  assert.deepEqual(found("streamline-emojis"), { "1F353": "strawberry-1" });
});

/** An icon with a red left and a blue right half, in a box that does not begin at 0. */
const HALVES: IconSet = {
  left: 10,
  width: 20,
  height: 10,
  icons: {
    halves: {
      body: '<path fill="#f00" d="M10 0h10v10h-10z"/><path fill="#00f" d="M20 0h10v10h-10z"/>',
    },
  },
  aliases: {
    mirrored: { parent: "halves", hFlip: true },
    back: { parent: "mirrored", hFlip: true },
    turned: { parent: "halves", rotate: 1 },
    mirroredThenTurned: { parent: "mirrored", rotate: 1 },
  },
};

test("icons: boxes, flips and quarter turns follow Iconify's definitions", async () => {
  const colours = async (name: string, widthPx: number, heightPx: number) => {
    const image = sharp(Buffer.from(iconSvg(HALVES, name, widthPx, heightPx))).removeAlpha();
    const raw = await image.raw().toBuffer();
    const at = (index: number) => (raw[3 * index]! > 128 ? "red" : "blue");
    return `${at(0)} ${at(widthPx * heightPx - 1)}`;
  };
  assert.equal(await colours("halves", 20, 10), "red blue");
  assert.equal(await colours("mirrored", 20, 10), "blue red");
  assert.equal(await colours("back", 20, 10), "red blue");
  // Clockwise: the left half is on top.
  assert.equal(await colours("turned", 10, 20), "red blue");
  assert.equal(await colours("mirroredThenTurned", 10, 20), "blue red");
  assert.throws(() => iconSvg(HALVES, "gone", 1, 1), /neither an icon nor an alias named "gone"/);
});

test("a picture is centred on white; a blank one is refused", async () => {
  const { data, info } = await sharp(
    await drawPicture(HALVES, "halves", { widthPx: 60, heightPx: 50, format: "png" }),
  )
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [60, 50, 3]);
  const pixel = (x: number, y: number) => [...data.subarray(3 * (60 * y + x), 3 * (60 * y + x) + 3)];
  // 20 x 10 in 60 x 50 is 60 x 30: rows 10 to 39.
  assert.deepEqual(
    [pixel(15, 8), pixel(15, 25), pixel(45, 25), pixel(45, 42)],
    [
      [255, 255, 255],
      [255, 0, 0],
      [0, 0, 255],
      [255, 255, 255],
    ],
  );
  const white: IconSet = { icons: { snow: { body: '<path fill="#fff" d="M0 0h16v16H0z"/>' } } };
  await assert.rejects(drawPicture(white, "snow", { widthPx: 40, heightPx: 40, format: "jpg" }), /blank/);
});

test("the demo has 775 classes in seven groups, each drawn by at least 4 of 9 vendors", () => {
  const { classes } = demoSource();
  const count = (group: string) => classes.filter((entry) => entry.group === group).length;
  assert.deepEqual(
    DEMO_GROUPS.map(({ group }) => `${group} ${count(group)}`),
    ["nature 158", "landmarks 66", "products 252", "art 57", "fashion 47", "cars 72", "food 123"],
  );
  assert.equal(classes.length, 775);
  assert.equal(new Set(classes.map(({ slug }) => slug)).size, 775);
  assert.equal(
    classes.reduce((sum, { drawings }) => sum + drawings.length, 0),
    5401,
  );
  assert.ok(classes.every(({ drawings }) => drawings.length >= 4));
  assert.ok(!classes.some(({ codePoint }) => /FE0F|1F3F[B-F]/.test(codePoint)), "no variants, no skin tones");
});

test("icons are matched to the objects that they show", () => {
  const icon = (slug: string, vendor: string) =>
    demoSource()
      .classes.find((entry) => entry.slug === slug)!
      .drawings.find((drawing) => drawing.vendor === vendor)?.icon;
  assert.equal(icon("red-apple", "fxemoji"), "redapple"); // by its label
  assert.equal(icon("eggplant", "fxemoji"), "aubergine"); // by Unicode's name
  assert.equal(icon("laptop", "emojione"), "laptop-computer"); // by another vendor's
  assert.equal(icon("sunglasses", "fxemoji"), "darksunglasses"); // "sunglasses" is a face
  assert.equal(icon("dog-face", "fxemoji"), "dog");
  assert.equal(icon("scroll", "openmoji"), undefined); // shows a computer mouse
  assert.equal(icon("turkey", "streamline-emojis"), undefined); // shows a flag
});

test("the seven layouts are seven of the 14 data sets, in merge order", () => {
  const merged = DATA_SETS.map(({ name }) => name).filter((name) => DEMO_DATASETS.includes(name));
  assert.deepEqual(DEMO_DATASETS, merged);
  assert.equal(merged.length, 7);
  assert.deepEqual(Object.keys(DEMO_LAYOUTS), merged);
  const subgroups = DEMO_GROUPS.flatMap((group) => group.subgroups);
  assert.equal(new Set(subgroups).size, subgroups.length, "no subgroup belongs to two groups");
});

test("data/README.md names every source, and every licence as in its package", () => {
  const readme = readFileSync(installPath("data/README.md"), "utf8");
  for (const { title, folder, layout, licence, source } of DATA_SETS) {
    assert.ok(readme.includes(`| ${title} | \`${folder}\` | \`${layout}\` |`), folder);
    assert.ok(readme.includes(`| ${licence} | ${source} |`), folder);
  }
  for (const vendor of VENDORS) {
    const path = require.resolve(`${vendorPackage(vendor)}/info.json`);
    const { name, author, license } = JSON.parse(readFileSync(path, "utf8"));
    const row = `${name} | [${author.name}](${author.url}) | [${license.title}](${license.url}) |`;
    assert.ok(readme.includes(row), vendor);
  }
});

test("a fifth of each group is held out, chosen by the seed", () => {
  const heldOut = (seed: number) => {
    const classes = planDemo(demoSource(), seed).filter(({ picture }) => picture.heldOut);
    return [...new Set(classes.map(({ picture }) => picture.class))];
  };
  const chosen = heldOut(1);
  for (const { group } of DEMO_GROUPS) {
    const all = demoSource().classes.filter((entry) => entry.group === group).length;
    assert.equal(chosen.filter((entry) => entry.group === group).length, Math.round(all / 5));
  }
  assert.deepEqual(heldOut(1), chosen);
  const again = new Set(heldOut(2));
  // Two draws of a fifth have a fifth of a fifth in common: 31 of 155, standard deviation 4.5.
  const common = chosen.filter((entry) => again.has(entry)).length;
  assert.ok(common > 31 - 5 * 4.5 && common < 31 + 5 * 4.5, `${common} in common`);
});

test("one training class in thirty has more views, from 240 pictures down by a power law; all else is as it was", () => {
  const planned = planDemo(demoSource(), 999);
  const [first, views] = [planned.filter(({ picture }) => picture.view === 0), new Map<string, number>()];
  const lines = first.map(
    ({ file, picture: { vendor, icon, plan } }) =>
      `${file} ${vendor} ${icon} ${plan.widthPx}x${plan.heightPx}\n`,
  );
  // Of the demo before it had views: 5,401 pictures, with their paths and sizes.
  assert.equal(lines.length, 5401);
  assert.equal(
    createHash("sha256").update(lines.join("")).digest("hex"),
    "7ebcae93d22af224dcada2d69c2c8b7dc890c3c52f72b1460ef7224f765703b4",
  );
  for (const { picture } of planned) {
    if (picture.view === 0) continue;
    assert.ok(!picture.heldOut);
    views.set(picture.class.slug, (views.get(picture.class.slug) ?? picture.class.drawings.length) + 1);
  }
  // 240 / n ** 0.75, of 621 training classes 20
  const expected = [240, 143, 105, 85, 72, 63, 56, 50, 46, 43, 40, 37, 35, 33, 31, 30, 29, 27, 26, 25];
  assert.deepEqual(
    [...views.values()].sort((a, b) => b - a),
    expected,
  );
});

test("sizes and formats vary as intended", () => {
  const planned = planDemo(demoSource(), 999);
  assert.equal(new Set(planned.map(({ file }) => file)).size, planned.length, "no path twice");
  const plans = planned.map(({ picture }) => picture.plan);
  const share = (wanted: (plan: (typeof plans)[number]) => boolean) =>
    plans.filter(wanted).length / plans.length;
  // Uniform over 96..320 px: mean 208, and 1/225 of the pictures at either end.
  const shorter = plans.map(({ widthPx, heightPx }) => Math.min(widthPx, heightPx));
  assert.deepEqual([Math.min(...shorter), Math.max(...shorter)], [96, 320]);
  const mean = shorter.reduce((sum, px) => sum + px, 0) / shorter.length;
  assert.ok(Math.abs(mean - 208) < 4, `mean ${mean}`); // 65 / sqrt(6454) = 0.8
  assert.ok(Math.abs(share(({ widthPx, heightPx }) => widthPx !== heightPx) - 0.25) < 0.03);
  assert.ok(
    plans.every(({ widthPx, heightPx }) => Math.max(widthPx, heightPx) <= 1.36 * Math.min(widthPx, heightPx)),
  );
  const free = planned.filter(({ file }) => !/Landmark2021|Stanford_Products/.test(file));
  const png = free.filter(({ picture }) => picture.plan.format === "png").length / free.length;
  assert.ok(Math.abs(png - 0.3) < 0.03, `${png} PNG`);
});
