// Data_preprocessing in shares: with one killed, repeated, missing or done twice at once, the files of one process.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { preprocessDataset, preprocessShare } from "guie/dist/preprocessing/preprocess";
import { temporaryFolder, writeFile } from "../folders";
import { draw, toSharp } from "../images/make";
import { guie } from "../in_process";

const dataset = { name: "many", folder: "Many", smallestClass: 5 };
const part = (index: number, count = 4) => ({ index, count });

/** Makes 60 photos: 40 in one folder of two classes, 16 in another; one is cut off, one missing; a class is too small. */
async function makeMany(t: TestContext): Promise<string> {
  const dataDir = temporaryFolder(t);
  const rows = ["image_files,labels"];
  for (let i = 0; i < 60; i++) {
    const label = i < 40 ? i % 2 : i < 56 ? 2 : 3;
    const file = `raw/Many/${i < 40 ? "large" : "small"}/${i}.jpg`;
    const image = draw(300 + i, 260, (x, y, c) => x * (i + 1) + y * 3 + c * 40);
    const bytes = await toSharp(image).jpeg().toBuffer();
    if (i !== 30) writeFile(join(dataDir, file), i === 20 ? bytes.subarray(0, 3000) : bytes);
    rows.push(`${file},${label}`);
  }
  writeFile(join(dataDir, "csv/many.csv"), `${rows.join("\n")}\n`);
  return dataDir;
}

const copyOf = (t: TestContext, dataDir: string) => {
  const copy = temporaryFolder(t);
  cpSync(dataDir, copy, { recursive: true });
  return copy;
};

/** Returns name -> content of all files that preprocessing made, without the record: it holds inodes and times. */
function outputs(dataDir: string): Map<string, string> {
  const folder = join(dataDir, "final_data_224");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const made = paths.filter((path) => !path.endsWith("/sources.jsonl"));
  return new Map(made.map((path) => [path.slice(folder.length), sha256(readFileSync(path))]));
}

/** Asserts that two data directories hold the same files, byte for byte. */
function assertSame(dataDir: string, expected: string): void {
  const [made, wanted] = [outputs(dataDir), outputs(expected)];
  const names = new Set([...made.keys(), ...wanted.keys()]);
  assert.deepEqual(
    [...names].filter((name) => made.get(name) !== wanted.get(name)),
    [],
  );
}

/** Returns the lines of a record without the stamps of files, sorted: threads end in any order. */
function recorded(dataDir: string): string[] {
  const lines = readFileSync(join(dataDir, "final_data_224/Many/sources.jsonl"), "utf8")
    .split("\n")
    .filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as string[]).toSpliced(1, 1).join(" ")).sort();
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const imagesIn = (dataDir: string) =>
  readdirSync(join(dataDir, "final_data_224/Many/images")).filter((name) => name.endsWith(".jpg"));

test("four shares give the files of one process; the last call makes no image anew", async (t) => {
  const dataDir = await makeMany(t);
  const shared = copyOf(t, dataDir);
  const one = await preprocessDataset({ dataDir, dataset });
  assert.deepEqual([one.rowsOut, one.rejected], [54, 2]);
  const counts: number[] = [];
  for (const index of [3, 1, 4, 2]) {
    const share = await preprocessShare({ dataDir: shared, dataset, part: part(index) });
    counts.push(share.images);
    assert.equal(share.total, 56);
    assert.ok(!existsSync(join(shared, "final_data_224/Many_final_224.csv")));
  }
  assert.deepEqual(counts, [14, 14, 14, 14], "56 images in four parts");
  const stages: string[] = [];
  const last = await preprocessDataset({
    dataDir: shared,
    dataset,
    onProgress: ({ total, note }) => stages.push(`${total} ${note}`),
  });
  assert.deepEqual(last, one);
  assert.deepEqual(stages, ["0 54 were finished before"]);
  assertSame(shared, dataDir);
  assert.deepEqual(recorded(shared), recorded(dataDir));
});

test("a missing share, a lost or empty image and an image of a share's changed photo: the last call makes them", async (t) => {
  const dataDir = await makeMany(t);
  const shared = copyOf(t, dataDir);
  for (const index of [1, 2, 4]) await preprocessShare({ dataDir: shared, dataset, part: part(index) });
  const [lost, empty] = imagesIn(shared) as [string, string];
  rmSync(join(shared, "final_data_224/Many/images", lost));
  truncateSync(join(shared, "final_data_224/Many/images", empty));
  const record = join(shared, "final_data_224/.Many.shares/1_of_4.jsonl");
  writeFileSync(record, readFileSync(record, "utf8").slice(0, -40)); // a kill cuts a line
  let made = 0;
  const onProgress = ({ total }: { total: number }) => {
    made = total;
  };
  await preprocessDataset({ dataDir: shared, dataset, onProgress });
  assert.ok(made >= 14 && made <= 18, `${made} images made by the last call`);
  await preprocessDataset({ dataDir, dataset });
  assertSame(shared, dataDir);

  const changed = join(shared, "raw/Many/large/0.jpg");
  const before = outputs(shared);
  cpSync(join(shared, "raw/Many/large/1.jpg"), changed);
  for (let index = 1; index <= 4; index++)
    await preprocessShare({ dataDir: shared, dataset, part: part(index) });
  await preprocessDataset({ dataDir: shared, dataset });
  const others = [...outputs(shared)].filter(([path, content]) => before.get(path) !== content);
  assert.deepEqual(
    others.map(([path]) => path),
    ["/Many/images/large+0.jpg"],
  );
});

test("shares that were left alone for days are looked at again: a photo that changed since is seen", async (t) => {
  const dataDir = await makeMany(t);
  for (let index = 1; index <= 4; index++) await preprocessShare({ dataDir, dataset, part: part(index) });
  const folder = join(dataDir, "final_data_224/.Many.shares");
  const daysAgo = Date.now() / 1000 - 4 * 24 * 3600;
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), daysAgo, daysAgo);
  const [first, second] = ["0", "1"].map((name) => join(dataDir, `raw/Many/large/${name}.jpg`)) as [
    string,
    string,
  ];
  cpSync(second, first);
  await preprocessDataset({ dataDir, dataset });
  const jpeg = (name: string) => outputs(dataDir).get(`/Many/images/large+${name}.jpg`);
  assert.equal(jpeg("0"), jpeg("1"));
  assert.ok(!existsSync(folder));
});

test("more shares than images: some have nothing to do; all differ by one image at most", async (t) => {
  const dataDir = await makeMany(t);
  const shared = copyOf(t, dataDir);
  const counts: number[] = [];
  for (let index = 1; index <= 80; index++)
    counts.push((await preprocessShare({ dataDir: shared, dataset, part: part(index, 80) })).images);
  assert.deepEqual(counts.toSorted(), [...new Array(24).fill(0), ...new Array(56).fill(1)]);
  await preprocessDataset({ dataDir: shared, dataset });
  await preprocessDataset({ dataDir, dataset });
  assertSame(shared, dataDir);
});

test("shares with other settings are refused, and so is text that names no part", async (t) => {
  const dataDir = await makeMany(t);
  await preprocessShare({ dataDir, dataset, part: part(1) });
  await assert.rejects(
    preprocessShare({ dataDir, dataset, part: part(2), imageSizePx: 100 }),
    /holds images made with .*224.*this run needs .*100/,
  );
  const said = async (text: string) =>
    (await guie("preprocess", "--data-dir", dataDir, "--dataset", "many", "--part", text)).stderr;
  assert.match(await said("2"), /--part takes a number and a number of parts, got "2".*\n.*--part 2\/4/);
  assert.match(await said("5/4"), /--part 5\/4: there is no part 5 of 4/);
  assert.match(await said("0/4"), /there is no part 0 of 4; the first is 1/);
});

const GUIE = installPath("lib/bin/guie.js");

/** Starts a share of own photos by the command. */
function startShare(dataDir: string, text: string): ChildProcess {
  const args = [
    GUIE,
    "preprocess",
    "--data-dir",
    dataDir,
    "--dataset",
    "shop",
    "--part",
    text,
    "--workers",
    "1",
  ];
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "pipe"] });
}

/** Waits until so many JPEGs are there. */
async function untilMade(dataDir: string, least: number): Promise<void> {
  const folder = join(dataDir, "final_data_224/shop/images");
  while (!existsSync(folder) || readdirSync(folder).filter((name) => name.endsWith(".jpg")).length < least)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

test("four shares by the command, of own photos: one is killed and repeated, one runs twice at once", async (t) => {
  const source = await makeMany(t);
  for (const name of ["large", "small"]) assert.ok(existsSync(join(source, "raw/Many", name)));
  const [dataDir, shared] = [temporaryFolder(t), temporaryFolder(t)];
  const photos = join(source, "raw/Many");
  for (const folder of [dataDir, shared]) {
    const read = await guie("get-data", "--data-dir", folder, "--dataset", "shop", "--raw", photos);
    assert.equal(read.status, 0, read.stderr);
  }
  const plain = (folder: string) => guie("preprocess", "--data-dir", folder, "--dataset", "shop");
  assert.equal((await plain(dataDir)).status, 0);

  const killed = startShare(shared, "1/4");
  await untilMade(shared, 3);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const shares = ["2/4", "2/4", "3/4", "4/4", "1/4"].map((text) => startShare(shared, text));
  const codes = await Promise.all(shares.map(async (child) => (await once(child, "exit"))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0, 0]);
  assert.ok(!existsSync(join(shared, "final_data_224/shop_final_224.csv")));
  assert.equal((await plain(shared)).status, 0);
  assertSame(shared, dataDir);
});

test("the last call waits for a share under way; a share that begins later waits for it and makes nothing", async (t) => {
  const dataDir = await makeMany(t);
  const shared = copyOf(t, dataDir);
  const ended: string[] = [];
  const whole = () => preprocessDataset({ dataDir: shared, dataset }).then(() => ended.push("all"));
  const share = (index: number, begun: () => unknown = () => {}) =>
    preprocessShare({ dataDir: shared, dataset, part: part(index), concurrency: 1, onProgress: begun }).then(
      () => ended.push(`part ${index}`),
    );
  let last: Promise<unknown> | undefined;
  const begin = () => {
    last ??= Promise.all([whole(), new Promise((resolve) => setTimeout(resolve, 20)).then(() => share(2))]);
  };
  await share(1, begin);
  await last;
  assert.deepEqual(ended, ["part 1", "all", "part 2"]);
  await preprocessDataset({ dataDir: shared, dataset });
  await preprocessDataset({ dataDir, dataset });
  assertSame(shared, dataDir);
});
