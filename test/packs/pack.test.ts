// Packs: readable by tar, Python's tarfile and webdataset; every image once, where the index says; nothing overwritten.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type CsvRow, readCsv } from "guie/dist/common/csv/csv";
import { installPath } from "guie/dist/common/project";
import { packImages } from "guie/dist/packs/pack";
import { packFolder, tarPath } from "guie/dist/packs/pack_folder";
import { FOLDS_CSV } from "guie/dist/tables/layout";
import { temporaryFolder, writeFile } from "../folders";
import { makeImages, writeTable } from "./table";

const folderOf = (dataDir: string) => packFolder({ dataDir, csv: FOLDS_CSV });

/** Makes 12 images and packs them, five in a tar. */
async function packed(t: TestContext): Promise<{ dataDir: string; folder: string; files: string[] }> {
  const dataDir = temporaryFolder(t);
  const files = await makeImages(dataDir, 12);
  await packImages({ dataDir, imagesPerTar: 5 });
  return { dataDir, folder: folderOf(dataDir), files };
}

/** Reads the indices of all tars, in their order. */
async function indexOf(folder: string): Promise<(CsvRow & { tar: string })[]> {
  const tars = readdirSync(folder).filter((name) => name.endsWith(".tar"));
  const rows = await Promise.all(
    tars.map((_, i) => readCsv(tarPath(folder, i, "csv"), ["image_files", "labels", "offset", "length"])),
  );
  return rows.flatMap((own, tar) => own.map((row) => ({ ...row, tar: tarPath(folder, tar) })));
}

test("every image is in one tar, with its bytes where the index says, and its class", async (t) => {
  const { dataDir, folder, files } = await packed(t);
  const index = await indexOf(folder);
  assert.deepEqual(index.map((row) => row.image_files).sort(), files.toSorted());
  assert.deepEqual(
    [0, 1, 2].map((i) => index.filter(({ tar }) => tar === tarPath(folder, i)).length),
    [5, 5, 2],
  );
  for (const { tar, image_files: file, labels, offset, length } of index) {
    const [start, count] = [Number(offset), Number(length)];
    assert.deepEqual(readFileSync(tar).subarray(start, start + count), readFileSync(join(dataDir, file!)));
    assert.equal(Number(labels), Math.floor(files.indexOf(file!) / 5));
  }
  assert.notDeepEqual(
    index.map((row) => row.image_files),
    files,
    "the order is random",
  );
});

/** Reads a pack by Python's standard library: [name, length, label or null] of each member. */
const TARFILE = `
import json, sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            text = tar.extractfile(member).read()
            print(json.dumps([member.name, member.size, text.decode() if member.name.endswith(".cls") else member.offset_data]))
`;

test("tar and Python's tarfile read the members: 000000000.jpg, 000000000.cls, 000000001.jpg, ...", async (t) => {
  const { folder } = await packed(t);
  const tars = [0, 1, 2].map((i) => tarPath(folder, i));
  const index = await indexOf(folder);
  const names = index.flatMap((_, i) =>
    ["jpg", "cls"].map((kind) => `${String(i).padStart(9, "0")}.${kind}`),
  );
  const listed = tars.flatMap((tar) => {
    const { status, stdout, stderr } = spawnSync("tar", ["-tf", tar], { encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    return stdout.trim().split("\n");
  });
  assert.deepEqual(listed, names);
  const { stdout, stderr } = spawnSync("python3", ["-c", TARFILE, ...tars], { encoding: "utf8" });
  assert.equal(stderr, "");
  const members = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const expected = index.flatMap(({ labels, offset, length }, i) => [
    [names[2 * i], Number(length), Number(offset)],
    [names[2 * i + 1], labels!.length, labels],
  ]);
  assert.deepEqual(members, expected);
});

const WEBDATASET = `
import json, sys, webdataset
for sample in webdataset.WebDataset(sys.argv[1:], shardshuffle=False):
    print(json.dumps([sample["__key__"], len(sample["jpg"]), int(sample["cls"])]))
`;
/** The Python of `npm run bench:setup`. */
const PEERS = installPath(".cache/peers/bench/bin/python");

test("webdataset reads a sample per image, with its class", async (t) => {
  if (spawnSync(PEERS, ["-c", "import webdataset"]).status !== 0)
    return t.skip("npm run bench:setup installs webdataset");
  const { folder } = await packed(t);
  const tars = [0, 1, 2].map((i) => tarPath(folder, i));
  const { stdout, stderr } = spawnSync(PEERS, ["-c", WEBDATASET, ...tars], { encoding: "utf8" });
  assert.equal(stderr, "");
  const samples = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const expected = (await indexOf(folder)).map(({ length, labels }, i) => [
    String(i).padStart(9, "0"),
    Number(length),
    Number(labels),
  ]);
  assert.deepEqual(samples, expected);
});

test("an image that the table repeats is packed once; names with commas, quotes and letters stay as they are", async (t) => {
  const dataDir = temporaryFolder(t);
  const names = ["=1+1.jpg", 'a "b", c.jpg', "Käse Nr. 5.jpg"];
  for (const name of names) writeFile(join(dataDir, name), Buffer.from([0xff, 0xd8, 0xff, 0]));
  await writeTable(
    dataDir,
    names.flatMap((name, i) => [0, 1, 2].map((fold) => [name, i, fold] as const)),
  );
  assert.equal((await packImages({ dataDir })).images, 3);
  const found = (await indexOf(folderOf(dataDir))).map((row) => row.image_files);
  assert.deepEqual(found.sort(), names.toSorted());
});

test("packed again, it stays as it is; other images or settings are refused, and a pack stays", async (t) => {
  const { dataDir, folder } = await packed(t);
  const before = contents(folder);
  assert.equal((await packImages({ dataDir, imagesPerTar: 5 })).kept, 3);
  await assert.rejects(packImages({ dataDir, imagesPerTar: 6 }), /imagesPerTar 5, not 6. It stays as it is/);
  await assert.rejects(packImages({ dataDir, imagesPerTar: 5, seed: 1 }), /seed 999, not 1/);
  await writeTable(dataDir, [["images/0/image.0.jpg", 0, 0]]);
  await assert.rejects(packImages({ dataDir, imagesPerTar: 5 }), /images 12, not 1/);
  await makeImages(dataDir, 12);
  await writeTable(
    dataDir,
    Array.from({ length: 12 }, (_, i) => [`images/${Math.floor(i / 5)}/image.${i}.jpg`, 0, i % 5] as const),
  );
  await assert.rejects(packImages({ dataDir, imagesPerTar: 5 }), /other images or classes/);
  assert.deepEqual(contents(folder), before);
});

test("a file that is no image ends the pack with its name; the tars before it stay", async (t) => {
  const dataDir = temporaryFolder(t);
  const files = await makeImages(dataDir, 12);
  const good = readFileSync(join(dataDir, files[7]!));
  writeFileSync(join(dataDir, files[7]!), "<html>");
  await assert.rejects(
    packImages({ dataDir, imagesPerTar: 1 }),
    /image\.7\.jpg: not an image but a web page/,
  );
  const kept = readdirSync(folderOf(dataDir)).filter((name) => name.endsWith(".tar")).length;
  assert.ok(kept < 12);
  writeFileSync(join(dataDir, files[7]!), good);
  assert.equal((await packImages({ dataDir, imagesPerTar: 1 })).kept, kept);
});

/** Returns name -> content and inode of all files of a pack. */
function contents(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder)
      .sort()
      .map((name) => {
        const path = join(folder, name);
        return [name, `${statSync(path).ino} ${readFileSync(path).toString("base64")}`];
      }),
  );
}

/** Script that packs and reports every piece. */
const CHILD = `
const { packImages } = require("guie/dist/packs/pack");
const onProgress = ({ done }) => require("node:fs").writeSync(1, done + " ");
packImages({ dataDir: process.argv[1], imagesPerTar: 100, onProgress });
`;

/** Packs in its own process, and kills it a moment after it has written so many images. */
async function packAndKill(dataDir: string, written: number): Promise<void> {
  const child = spawn(process.execPath, ["-e", CHILD, dataDir], {
    cwd: installPath("test"), // below the project, where "guie" resolves
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const done = Number(text.trim().split(" ").at(-1));
    if (done >= written) setTimeout(() => child.kill("SIGKILL"), Math.random() * 10);
  });
  await once(child, "exit");
}

test("killed at any moment, it goes on: finished tars stay, and all bytes are those of an unbroken one", async (t) => {
  const [broken, unbroken] = [temporaryFolder(t), temporaryFolder(t)];
  for (const dataDir of [broken, unbroken]) await makeImages(dataDir, 1200, () => 5000);
  let before = new Map<string, string>();
  for (const written of [200, 500, 900]) {
    await packAndKill(broken, written);
    const finished = [...contents(folderOf(broken))].filter(([name]) => name.endsWith(".tar"));
    assert.ok(finished.length >= written / 100 - 1, `${finished.length} tars after ${written} images`);
    for (const [name, content] of before) assert.equal(new Map(finished).get(name), content, name);
    before = new Map(finished);
  }
  await packImages({ dataDir: broken, imagesPerTar: 100 });
  await packImages({ dataDir: unbroken, imagesPerTar: 100 });
  const withoutInodes = (dataDir: string) =>
    new Map([...contents(folderOf(dataDir))].map(([name, text]) => [name, text.split(" ")[1]]));
  assert.deepEqual(withoutInodes(broken), withoutInodes(unbroken));
  const now = contents(folderOf(broken));
  for (const [name, content] of before) assert.equal(now.get(name), content, name);
});
