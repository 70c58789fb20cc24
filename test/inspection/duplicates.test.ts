// Near duplicates: the hash, the search and its table.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Database, withDatabase } from "guie/dist/common/database/database";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { findDuplicates, hashShare } from "guie/dist/inspection/duplicates";
import { findPairs } from "guie/dist/inspection/near_hashes";
import { hashOfGrey } from "guie/dist/inspection/perceptual_hash";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { FILES } from "../tables/make";

test("the hash is scipy's cosine transform about its median, as in Python's imagehash", () => {
  const golden: Record<string, string> = JSON.parse(
    readFileSync(installPath("test/golden/perceptual_hash.json"), "utf8"),
  );
  const pictures: Record<string, (x: number, y: number) => number> = {
    waves: (x, y) => Math.trunc(128 + 100 * Math.sin(x / 5) * Math.cos(y / 3)),
    squares: (x, y) => (x * x * 3 + y * 7 + x * y) % 256,
    noise: (x, y) => Number((BigInt(x * 7919 + y * 104729 + x * y * 31 + 17) * 2654435761n) / 65536n) % 256,
    ramp: (x) => x * 8,
    black: () => 0,
  };
  for (const [name, at] of Object.entries(pictures)) {
    const grey = Float64Array.from({ length: 32 * 32 }, (_, i) => at(i % 32, Math.floor(i / 32)));
    assert.equal(hashOfGrey(grey).toString(16).padStart(16, "0"), golden[name], name);
  }
});

test("all hashes within the distance are found and no others, at every distance", async () => {
  const random = randomStream(3, "hashes");
  const word = () => BigInt(random.integer(0, 0xffffffff) >>> 0);
  // Families: a hash and others that differ from it in 0 to 8 random bits.
  const hashes = Array.from({ length: 80 }, () => (word() << 32n) | word()).flatMap((first) =>
    Array.from({ length: 6 }, () => {
      const flips = random
        .shuffle(Array.from({ length: 64 }, (_, bit) => bit))
        .slice(0, random.integer(0, 8));
      return flips.reduce((hash, bit) => hash ^ (1n << BigInt(bit)), first);
    }),
  );
  const bits = (hash: bigint) => hash.toString(2).replaceAll("0", "").length;
  const firsts = hashes.map((hash) => hashes.indexOf(hash));
  const near = hashes.flatMap((hash, b) =>
    hashes.slice(0, b).map((other, a) => ({ a, b, distance: bits(other ^ hash) })),
  );
  for (const maxDistance of [0, 1, 4, 7]) {
    const expected = near
      .filter(({ distance }) => distance <= maxDistance)
      .filter(({ a, b, distance }) => firsts[a] === a && (distance === 0 || firsts[b] === b))
      .map(({ a, b, distance }) => `${a} ${b} ${distance}`);
    const found = await withDatabase(async (database) => {
      await createHashes(
        database,
        hashes.map((hash) => [hash, 128, 128]),
      );
      await findPairs(database, maxDistance);
      return database.rows<{ pair: string }>("SELECT concat_ws(' ', a, b, distance) AS pair FROM pairs");
    });
    assert.ok(expected.length >= 5, `${expected.length} pairs to be found within ${maxDistance} bits`);
    assert.deepEqual(found.map(({ pair }) => pair).sort(), expected.sort());
  }
});

async function createHashes(database: Database, looks: [bigint, number, number][]): Promise<void> {
  await database.run("CREATE TABLE hashes (place INTEGER, hash UBIGINT, blueness INTEGER, redness INTEGER)");
  const rows = looks.map(
    ([hash, blueness, redness], place) => `(${place}, ${hash}, ${blueness}, ${redness})`,
  );
  await database.run(`INSERT INTO hashes VALUES ${rows}`);
}

test("equal shapes in other colours (mean chroma more than 8 apart) are not copies", async () => {
  const found = await withDatabase(async (database) => {
    await createHashes(database, [
      [5n, 128, 128],
      [5n, 136, 120],
      [5n, 137, 128],
      [5n, 128, 100],
      [5n, 128, 100],
    ]);
    await findPairs(database, 2);
    return database.rows<{ pair: string }>("SELECT concat_ws(' ', a, b, distance) AS pair FROM pairs");
  });
  assert.deepEqual(found.map(({ pair }) => pair).sort(), ["0 1 0", "1 2 0", "3 4 0"]);
});

/** Makes a picture of soft coloured blobs, different for each number. */
async function picture(number: number): Promise<Buffer> {
  const random = randomStream(number, "picture");
  const pixels = Uint8Array.from({ length: 6 * 6 * 3 }, () => random.integer(0, 255));
  return sharp(pixels, { raw: { width: 6, height: 6, channels: 3 } })
    .resize(224, 224, { kernel: "cubic" })
    .png()
    .toBuffer();
}

/** Makes 40 pictures `<n>.jpg` of class n % 8 and fold n % 5, and additional rows [file, label, fold]. */
async function dataWith(t: TestContext, rows: [string, number, number][]) {
  const dataDir = temporaryFolder(t);
  for (let n = 0; n < 40; n++) {
    writeFile(
      join(dataDir, `${n}.jpg`),
      await sharp(await picture(n))
        .jpeg({ quality: 95 })
        .toBuffer(),
    );
  }
  const all = [
    ...Array.from({ length: 40 }, (_, n): [string, number, number] => [`${n}.jpg`, n % 8, n % 5]),
    ...rows,
  ];
  const lines = all.map(([file, label, fold]) => `${file},${label},set${label},${fold}\n`);
  writeFile(join(dataDir, FILES[3]), `new_image_files,new_labels,dataset,fold\n${lines.join("")}`);
  return dataDir;
}

test("planted copies are found, whatever was done to them, each with its fault", async (t) => {
  // 3.jpg: class 3, fold 3. 6.jpg: class 6, fold 1 (validation). 10.jpg: class 2, fold 0.
  const dataDir = await dataWith(t, [
    ["reencoded.jpg", 5, 2],
    ["small.jpg", 6, 0],
    ["squashed.png", 2, 4],
    ["both.webp", 0, 2],
    ["broken.jpg", 0, 2],
    ["3.jpg", 3, 3], // the same row again: a repeated small class
  ]);
  const write = async (name: string, image: sharp.Sharp) =>
    writeFile(join(dataDir, name), await image.toBuffer());
  await write("reencoded.jpg", sharp(join(dataDir, "3.jpg")).jpeg({ quality: 40 }));
  await write("small.jpg", sharp(join(dataDir, "6.jpg")).resize(96, 96).jpeg());
  await write("squashed.png", sharp(join(dataDir, "10.jpg")).resize(200, 150, { fit: "fill" }).png());
  await write(
    "both.webp",
    sharp(join(dataDir, "11.jpg")).modulate({ brightness: 1.1 }).webp({ quality: 60 }),
  );
  writeFile(join(dataDir, "broken.jpg"), "no image");
  const report = await findDuplicates({ dataDir, fold: 1 });
  assert.equal(report.images, 44);
  assert.deepEqual(report.unreadable, [
    { image: "broken.jpg", reason: "not an image (its first bytes are of no format that is read)" },
  ]);
  assert.deepEqual(
    report.pairs.map(({ finding, imageA, imageB, labelA, labelB, foldA, foldB }) => [
      finding,
      imageA,
      imageB,
      labelA,
      labelB,
      foldA,
      foldB,
    ]),
    [
      ["two labels, train and validation", "11.jpg", "both.webp", 3, 0, 1, 2],
      ["two labels", "3.jpg", "reencoded.jpg", 3, 5, 3, 2],
      ["train and validation", "6.jpg", "small.jpg", 6, 6, 1, 0],
      ["same class", "10.jpg", "squashed.png", 2, 2, 0, 4],
    ],
  );
  assert.deepEqual(Object.values(report.counts), [1, 1, 1, 1]);
  const written = readFileSync(report.path, "utf8").split("\n");
  assert.equal(written.length, 6);
  assert.equal(
    written[0],
    "finding,distance,image_a,image_b,label_a,label_b,dataset_a,dataset_b,fold_a,fold_b",
  );
  assert.match(written[1]!, /^"two labels, train and validation",\d,11\.jpg,both\.webp,3,0,set3,set0,1,2$/);
});

test("a second search decodes only changed images, whatever their dates, and finds the same", async (t) => {
  const dataDir = await dataWith(t, [["copy.jpg", 5, 2]]);
  writeFile(join(dataDir, "copy.jpg"), readFileSync(join(dataDir, "3.jpg")));
  const looks = join(dataDir, "final_data_224_looks.csv");
  const search = () => findDuplicates({ dataDir });
  const first = await search();
  const lines = () => readFileSync(looks, "utf8").trimEnd().split("\n");
  assert.equal(lines()[0], "image,stamp,content,hash,blueness,redness");
  const lookOf = (image: string) =>
    lines()
      .find((line) => line.startsWith(`${image},`))!
      .split(",")
      .slice(2);
  assert.match(lookOf("0.jpg").join(), /^[0-9a-f]{32},\d+,\d+,\d+$/);
  assert.deepEqual(await search(), first);

  writeFile(join(dataDir, "copy.jpg"), readFileSync(join(dataDir, "7.jpg"))); // now a copy of another
  utimesSync(join(dataDir, "copy.jpg"), 1, 1);
  const [pair] = (await search()).pairs;
  assert.deepEqual([pair?.imageA, pair?.imageB], ["7.jpg", "copy.jpg"]);

  // A wrong look in the file is used: the image, touched but unchanged, was not decoded.
  writeFile(
    looks,
    `${lines().join("\n").replace(lookOf("9.jpg").slice(1).join(), lookOf("8.jpg").slice(1).join())}\n`,
  );
  utimesSync(join(dataDir, "9.jpg"), 5, 5);
  const found = (await search()).pairs.map(({ imageA, imageB }) => `${imageA} ${imageB}`);
  assert.ok(found.includes("8.jpg 9.jpg"), `${found}`);

  const table = readFileSync(looks, "utf8");
  writeFile(looks, "image,bytes\n0.jpg,1\n");
  await assert.rejects(search(), /lacks the column "stamp".*\n.*rm .*looks\.csv/);
  writeFile(looks, table.replace(/\d+\n/, "red\n"));
  await assert.rejects(search(), /row 1: "redness" must be a whole number/);
  writeFile(looks, "image,bytes,modified_us,hash,blueness,redness\n0.jpg,1,1,1,1,1\n"); // by a former version
  const [again] = (await search()).pairs;
  assert.deepEqual([again?.imageA, again?.imageB], ["7.jpg", "copy.jpg"]);
});

test("in three parts, one stopped, one twice at once: the files of one process, and the last call reads no image again", async (t) => {
  const dataDir = await dataWith(t, [["copy.jpg", 5, 2]]);
  writeFile(join(dataDir, "copy.jpg"), readFileSync(join(dataDir, "3.jpg")));
  await sleep(2200); // younger files have no stamps
  const [table, looks] = ["final_data_224_duplicates.csv", "final_data_224_looks.csv"].map((name) =>
    join(dataDir, name),
  ) as [string, string];
  const alone = await findDuplicates({ dataDir });
  const files = [table, looks].map((path) => readFileSync(path, "utf8"));
  for (const path of [table, looks]) rmSync(path);
  const share = (index: number, signal?: AbortSignal) =>
    hashShare({ dataDir, part: { index, count: 3 }, signal });
  const stopped = new AbortController();
  stopped.abort();
  await assert.rejects(share(2, stopped.signal));
  const [first, third] = await Promise.all([share(1), share(3), share(1)]);
  const second = await share(2);
  assert.equal(first.images + second.images + third.images, 41);
  assert.ok([first, second, third].every(({ images, total }) => images >= 13 && total === 41));
  const stages: string[] = [];
  assert.deepEqual(await findDuplicates({ dataDir, onProgress: ({ stage }) => stages.push(stage) }), alone);
  assert.ok(!stages.includes("hash"), `${stages}`);
  assert.deepEqual(
    [table, looks].map((path) => readFileSync(path, "utf8")),
    files,
  );
  assert.deepEqual(
    readdirSync(dataDir).filter((name) => name.startsWith(".")),
    [],
  );
});

test("images that are missing with their folder stop the search, and their looks stay", async (t) => {
  const dataDir = await dataWith(t, [["far/copy.jpg", 5, 2]]);
  const [far, away] = [join(dataDir, "far"), join(dataDir, "away")];
  writeFile(join(far, "copy.jpg"), readFileSync(join(dataDir, "3.jpg")));
  const first = await findDuplicates({ dataDir });
  const looks = readFileSync(join(dataDir, "final_data_224_looks.csv"), "utf8");
  renameSync(far, away);
  mkdirSync(far); // a mount point without its disk
  await assert.rejects(findDuplicates({ dataDir }), /far cannot be read now: it is empty, with 1 image/);
  assert.equal(readFileSync(join(dataDir, "final_data_224_looks.csv"), "utf8"), looks);
  rmSync(far, { recursive: true });
  renameSync(away, far);
  assert.deepEqual(await findDuplicates({ dataDir }), first);
});

test("without planted copies nothing is found, and the table has only its header", async (t) => {
  const dataDir = await dataWith(t, []);
  const report = await findDuplicates({ dataDir });
  assert.deepEqual([report.images, report.pairs.length, report.unreadable.length], [40, 0, 0]);
  assert.equal(readFileSync(report.path, "utf8").split("\n").length, 2);
});

test("wrong settings and unreadable images are refused, and no file is left", async (t) => {
  const dataDir = temporaryFolder(t);
  writeFile(join(dataDir, FILES[3]), "new_image_files,new_labels,dataset,fold\nnone.jpg,0,a,0\n");
  await assert.rejects(findDuplicates({ dataDir, maxDistance: 40 }), /from 0 to 8 bits, it is 40/);
  await assert.rejects(findDuplicates({ dataDir }), /None of 1 images can be read; none\.jpg: missing file/);
  assert.ok(!existsSync(join(dataDir, "final_data_224_duplicates.csv")));
});
