// An inspection of drawn photos from end to end: its report, its files, its page, and bad input.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { readCsv } from "guie/dist/common/csv/csv";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { inspectPhotos, inspectShare } from "guie/dist/inspection/inspect";
import { writeReport } from "guie/dist/inspection/report_files";
import { JSDOM } from "jsdom";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { makeTinyRun } from "../serving/tiny_service";

const COLOURS: Record<string, string> = { "=rot <b>": "#d22", Grün: "#2a2", blau: "#22d" };

/** Draws a photo of its class: rings of its colour at random places. */
function photo(name: string, i: number) {
  const random = randomStream(8, name, i);
  const rings = Array.from({ length: 12 }, () => {
    const [x, y, r] = [random.integer(0, 120), random.integer(0, 120), random.integer(6, 25)];
    return `<circle cx="${x}" cy="${y}" r="${r}" fill="none" stroke="${COLOURS[name]}" stroke-width="${random.integer(3, 9)}"/>`;
  });
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="120"><rect width="120" height="120" fill="#fff"/>${rings.join("")}</svg>`,
    ),
  ).flatten();
}

/** Keeps vectors and looks in a temporary folder. */
function cacheInTemporary(t: TestContext): void {
  process.env.GUIE_CACHE_DIR = temporaryFolder(t);
  t.after(() => {
    delete process.env.GUIE_CACHE_DIR;
  });
}

async function makePhotos(t: TestContext): Promise<string> {
  const folder = join(temporaryFolder(t), "photos");
  for (const name of Object.keys(COLOURS))
    for (let i = 0; i < 8; i++) {
      const file = join(folder, i < 6 ? "train" : "test", name, `${i}.jpg`);
      mkdirSync(dirname(file), { recursive: true });
      await photo(name, i).jpeg().toFile(file);
    }
  await photo("=rot <b>", 2)
    .flop()
    .withMetadata({ exif: { IFD0: { ImageDescription: "SECRET-PLACE" } } })
    .jpeg()
    .toFile(join(folder, "test/=rot <b>/mirrored.jpg"));
  await photo("blau", 99).jpeg().toFile(join(folder, "train/Grün/wrong.jpg"));
  await sharp({ create: { width: 200, height: 20, channels: 3, background: "#777" } })
    .png()
    .toFile(join(folder, "train/blau/flat.png"));
  writeFile(join(folder, "train/blau/broken.jpg"), "no image");
  writeFile(join(folder, "train/notes.txt"), "notes");
  return folder;
}

test("planted faults stand in the report, the tables and the page; names are data, and metadata stays behind", async (t) => {
  cacheInTemporary(t);
  const { run } = await makeTinyRun(t);
  const photos = await makePhotos(t);
  const out = join(temporaryFolder(t), "report");
  const report = await inspectPhotos({ photos, model: run });
  assert.deepEqual([report.photos, report.classes], [27, 3]);
  const reasons = Object.fromEntries(report.oddFiles.map(({ image, reason }) => [image, reason]));
  assert.match(reasons["train/blau/broken.jpg"]!, /^not an image/);
  assert.match(reasons["train/blau/flat.png"]!, /tiny: 200 x 20 px.*4 times.*of one colour/);
  assert.deepEqual(
    report.oddFiles.map(({ image, isLeftOut }) => [image, isLeftOut]),
    [
      ["train/notes.txt", true],
      ["train/blau/broken.jpg", true],
      ["train/blau/flat.png", false],
    ],
  );
  assert.ok(report.twoGroups.length <= 1, "the head of a ranking: a third of three classes");
  const [twin, ...others] = report.twins;
  assert.deepEqual(others, []);
  assert.deepEqual(
    [twin!.finding, twin!.mirrored, twin!.imageA, twin!.imageB],
    ["two sides", true, "test/=rot <b>/mirrored.jpg", "train/=rot <b>/2.jpg"],
  );
  const page = await writeReport(out, report);
  const html = readFileSync(page, "utf8");
  assert.ok(html.includes("=rot \\u003cb>") && !html.includes("=rot <b>"), "a class's name is no markup");
  assert.ok(!html.includes("SECRET-PLACE") && !/https?:\/\/(?!www\.w3\.org)/.test(html));
  const { document } = new JSDOM(html, { runScripts: "dangerously" }).window;
  const cards = [...document.querySelectorAll("#odd_files figure")].map((figure) => [
    figure.children[1]!.textContent,
    figure.querySelectorAll("button").length,
  ]);
  assert.deepEqual(
    cards,
    [
      ["train/notes.txt", 0],
      ["train/blau/broken.jpg", 0],
      ["train/blau/flat.png", 1],
    ],
    "paths within the source; nothing to decide about files that are left out anyway",
  );
  assert.match(
    document.querySelector("#odd_files")!.textContent!,
    /2 files are left out: train\/notes\.txt \(no image\), train\/blau\/broken\.jpg \(not an image/,
  );
  const rows = await readCsv(join(out, "twins.csv"), ["finding", "image_a", "image_b"]);
  assert.equal(rows[0]!.image_a, "test/=rot <b>/mirrored.jpg");
  assert.deepEqual(await inspectPhotos({ photos, model: run }), report);
  await writeReport(out, report); // replaces its own
  await assert.rejects(writeReport(dirname(photos), report), /holds other files, the first is photos/);
});

test("in three parts, two at once: the report of one process, whose last call embeds and looks at nothing", async (t) => {
  const { run } = await makeTinyRun(t);
  const photos = await makePhotos(t);
  rmSync(join(photos, "train/blau/broken.jpg")); // every call tries what cannot be read
  cacheInTemporary(t);
  const alone = await inspectPhotos({ photos, model: run });
  cacheInTemporary(t);
  const share = (index: number) => inspectShare({ photos, model: run, part: { index, count: 3 } });
  const counts = [...(await Promise.all([share(1), share(3)])), await share(2)];
  assert.deepEqual(
    counts.map(({ photos, total }) => `${photos} of ${total}`),
    ["9 of 27", "9 of 27", "9 of 27"],
  );
  const stages = new Set<string>();
  const last = await inspectPhotos({ photos, model: run, onProgress: ({ stage }) => stages.add(stage) });
  assert.deepEqual([...stages], ["twins", "labels"]);
  // a vector's last bits depend on the photos that it was embedded with
  const rounded = (report: typeof last) =>
    JSON.stringify(report, (_, value) => (typeof value === "number" ? Number(value.toFixed(6)) : value), 1);
  assert.equal(rounded(last), rounded(alone));
});

test("without classes only what needs none is listed; a few photos are enough", async (t) => {
  cacheInTemporary(t);
  const { run } = await makeTinyRun(t);
  const folder = join(temporaryFolder(t), "flat");
  mkdirSync(folder);
  for (let i = 0; i < 3; i++)
    await photo("blau", i)
      .jpeg()
      .toFile(join(folder, `${i}.jpg`));
  const report = await inspectPhotos({ photos: folder, model: run });
  assert.deepEqual([report.photos, report.classes, report.wrongLabels, report.twins], [3, 0, [], []]);
});

test("bad input of the command is refused with the next step", (t) => {
  const folder = temporaryFolder(t);
  const guie = (...args: string[]) =>
    spawnSync(process.execPath, [installPath("lib/bin/guie.js"), "inspect", ...args], {
      encoding: "utf8",
      cwd: folder,
    });
  for (const [args, message] of [
    [[], /Expected photos, or --data-dir: one of the two/],
    [[folder, "--data-dir", folder], /one of the two/],
    [[join(folder, "none")], /none/],
    [[folder], /holds no images/],
    [["--data-dir", folder], /sample_balance_fold\.csv[\s\S]*guie merge/],
  ] as const) {
    const { status, stderr } = guie(...args, "--out", join(folder, "out"));
    assert.equal(status, 1, stderr);
    assert.match(stderr, message);
  }
});
