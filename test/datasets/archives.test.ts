// Unpacking archives: hostile, damaged and interrupted ones.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { requestInterrupt } from "guie/dist/common/interrupt";
import { UNPACK_LIMITS } from "guie/dist/datasets/archives/extract";
import { isUnpacked, unpackArchive } from "guie/dist/datasets/archives/unpack";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { getData } from "guie/dist/datasets/get_data";
import { inspectRaw } from "guie/dist/datasets/raw_folder";
import { temporaryFolder } from "../folders";
import { type MadeEntry, makeTar, makeTgz, makeZip } from "./make_archives";
import { readLines, temporaryDataDir, writeFiles } from "./miniature";

const KINDS = { "a.zip": makeZip, "a.tar": makeTar, "a.tgz": makeTgz };

/** Makes a folder `data` with an archive, inside a folder that must not change. */
function withArchive(t: TestContext, name: string, bytes: Buffer): { outside: string; folder: string } {
  const outside = temporaryFolder(t);
  const folder = join(outside, "data");
  writeFiles(folder, { [name]: bytes });
  return { outside, folder };
}

/** Returns every file below a folder with its content, links by their target. */
function tree(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => !entry.isDirectory(),
  );
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, "latin1")]),
  );
}

const GOOD: MadeEntry[] = [
  { path: "train/", mode: 0o040755, type: "5" },
  { path: "train/été/1.jpg", content: "one" },
  { path: "./train//b/2.jpg", content: "two".repeat(50_000) },
  { path: "empty.txt", content: "" },
];
const GOOD_TREE = { "empty.txt": "", "train/b/2.jpg": "two".repeat(50_000), "train/été/1.jpg": "one" };

for (const [name, make] of Object.entries(KINDS)) {
  test(`${name} is unpacked next to itself, once`, async (t) => {
    const { outside, folder } = withArchive(t, name, make(GOOD));
    assert.equal(await isUnpacked(folder, name), false);
    assert.deepEqual(await unpackArchive(folder, name), { files: 3, bytes: 150_003 });
    const { [name]: _archive, [`.${name}.unpacked`]: marker, ...files } = tree(folder);
    assert.deepEqual(files, GOOD_TREE);
    assert.deepEqual(JSON.parse(marker!).unpacked, { files: 3, bytes: 150_003 });
    assert.deepEqual(readdirSync(outside), ["data"]);
    assert.equal(await isUnpacked(folder, name), true);
    // A touched archive is the same; another one with its size and date is not.
    utimesSync(join(folder, name), 1, 1);
    assert.equal(await isUnpacked(folder, name), true);
    const bytes = readFileSync(join(folder, name));
    bytes[20]! ^= 1;
    writeFileSync(join(folder, name), bytes);
    utimesSync(join(folder, name), 1, 1);
    assert.equal(await isUnpacked(folder, name), false);
  });
}

const LINK = 0o120777;
const FIFO = 0o010644;
const HOSTILE: { what: string; entry: MadeEntry; message: RegExp }[] = [
  { what: "a path that goes up", entry: { path: "../evil.jpg", content: "x" }, message: /\.\.\/evil\.jpg/ },
  {
    what: "a path that goes up from within",
    entry: { path: "a/../../evil.jpg", content: "x" },
    message: /evil\.jpg/,
  },
  {
    what: "a path that goes up and returns",
    entry: { path: "a/../evil.jpg", content: "x" },
    message: /evil\.jpg/,
  },
  { what: "an absolute path", entry: { path: "/tmp/guie-evil.jpg", content: "x" }, message: /absolute/ },
  { what: "a drive", entry: { path: "C:/evil.jpg", content: "x" }, message: /absolute/ },
  {
    what: "a symbolic link",
    entry: { path: "l", content: "/etc", mode: LINK, type: "2", link: "/etc" },
    message: /l is a link/,
  },
  { what: "its own marker", entry: { path: ".a.zip.unpacked", content: "{}" }, message: /is reserved/ },
  {
    what: "its own work folder",
    entry: { path: ".unpacking/a.zip/files/x", content: "x" },
    message: /is reserved/,
  },
  {
    what: "a repeated name",
    entry: { path: "ok/1.jpg", content: "other" },
    message: /ok\/1\.jpg occurs in it twice/,
  },
  {
    what: "an existing file",
    entry: { path: "kept/1.jpg", content: "other" },
    message: /kept\/1\.jpg is there already/,
  },
  {
    what: "a file below a file",
    entry: { path: "ok/1.jpg/2.jpg", content: "x" },
    message:
      /was not unpacked: ok\/1\.jpg\S*: (a part of the path is a file, not a folder|something is there already)\.\n {2}Next: Nothing of it was kept/,
  },
  {
    what: "a folder in place of a file",
    entry: { path: "ok/1.jpg/", mode: 0o040755, type: "5" },
    message: /was not unpacked: ok\/1\.jpg: something is there already\./,
  },
];

for (const [name, make] of Object.entries(KINDS)) {
  for (const { what, entry, message } of HOSTILE) {
    test(`${name} with ${what} is refused as a whole and leaves nothing`, async (t) => {
      const { outside, folder } = withArchive(t, name, make([{ path: "ok/1.jpg", content: "x" }, entry]));
      writeFiles(folder, { "kept/1.jpg": "mine" });
      const before = tree(outside);
      await assert.rejects(unpackArchive(folder, name), { name: "UserError", message });
      assert.deepEqual(tree(outside), before);
      assert.deepEqual(readdirSync(folder).sort(), [name, "kept"]);
      assert.equal(existsSync("/tmp/guie-evil.jpg"), false);
    });
  }
}

test("hard links, devices and names that are not UTF-8 in a tar archive, pipes in a ZIP archive are refused", async (t) => {
  const cases: [string, Buffer, RegExp][] = [
    ["a.tar", makeTar([{ path: "l", type: "1", link: "/etc/passwd" }]), /l is a link/],
    ["a.tar", makeTar([{ path: "d", type: "3" }]), /d is neither a file nor a folder/],
    ["a.tar", makeTar([{ path: Buffer.from("B\xe4r.jpg", "latin1"), content: "x" }]), /not UTF-8/],
    ["a.zip", makeZip([{ path: "p", mode: FIFO }]), /p is neither a file nor a folder/],
  ];
  for (const [name, bytes, message] of cases) {
    const { folder } = withArchive(t, name, bytes);
    await assert.rejects(unpackArchive(folder, name), { name: "UserError", message });
    assert.deepEqual(readdirSync(folder), [name]);
  }
});

test("a name that no file system accepts is refused in words", async (t) => {
  const { folder } = withArchive(t, "a.zip", makeZip([{ path: `${"n".repeat(300)}.jpg`, content: "x" }]));
  const message =
    /was not unpacked: n+\.\.\.n+\.jpg: the name is too long .*\n {2}Next: Nothing of it was kept/;
  await assert.rejects(unpackArchive(folder, "a.zip"), { name: "UserError", message });
  assert.deepEqual(readdirSync(folder), ["a.zip"]);
});

test("a folder that is a link is not written through", async (t) => {
  const { outside, folder } = withArchive(t, "a.zip", makeZip([{ path: "train/1.jpg", content: "x" }]));
  mkdirSync(join(outside, "elsewhere"));
  symlinkSync(join(outside, "elsewhere"), join(folder, "train"));
  await assert.rejects(unpackArchive(folder, "a.zip"), /train is there already/);
  assert.deepEqual(readdirSync(join(outside, "elsewhere")), []);
});

for (const [name, make] of Object.entries(KINDS)) {
  test(`${name} that is too large is refused before anything is written`, async (t) => {
    const entries = Array.from({ length: 5 }, (_, i) => ({ path: `${i}.jpg`, content: "x".repeat(1000) }));
    const { folder } = withArchive(t, name, make(entries));
    const refuses = (limits: Partial<typeof UNPACK_LIMITS>, message: RegExp) =>
      assert.rejects(unpackArchive(folder, name, { limits: { ...UNPACK_LIMITS, ...limits } }), {
        name: "UserError",
        message,
      });
    await refuses({ maxEntries: 4 }, /more than 4 files/);
    await refuses({ maxBytes: 4999 }, /more than 4999 bytes/);
    assert.deepEqual(readdirSync(folder), [name]);
    assert.equal(
      (await unpackArchive(folder, name, { limits: { ...UNPACK_LIMITS, maxEntries: 5, maxBytes: 5000 } }))
        .files,
      5,
    );
  });
}

test("a bomb is refused: 200 MB in 200 kB", async (t) => {
  const bomb = [{ path: "bomb.jpg", content: Buffer.alloc(200_000_000) }];
  for (const [name, make] of [
    ["a.zip", makeZip],
    ["a.tgz", makeTgz],
  ] as const) {
    const { folder } = withArchive(t, name, make(bomb));
    assert.ok(statSync(join(folder, name)).size < 250_000);
    await assert.rejects(unpackArchive(folder, name), /unpacks to more than 50 times its \d+ bytes/);
    assert.deepEqual(readdirSync(folder), [name]);
  }
});

test("damaged archives, and those with false records of their content, are refused and leave nothing", async (t) => {
  const good = GOOD.slice(2);
  const cases: [string, Buffer, RegExp][] = [
    [
      "a.zip",
      makeZip([{ path: "1.jpg", content: "abc", sum: 5 }]),
      /1\.jpg is damaged: its checksum differs/,
    ],
    ["a.zip", makeZip([{ path: "1.jpg", content: "abc".repeat(1000), size: 30 }]), /too many bytes/],
    ["a.zip", makeZip([{ path: "1.jpg", content: "abc", size: 30 }]), /not enough bytes/],
    ["a.zip", makeZip(good).subarray(0, 300), /was not unpacked/],
    ["a.tar", makeTar(good).subarray(0, 1300), /Truncated input/],
    ["a.tgz", makeTgz(good).subarray(0, 200), /unexpected end of file|Truncated/],
    ["a.tgz", makeTgz([{ path: "a", size: 5000, content: "x".repeat(100) }]), /was not unpacked/],
    [
      "a.zip",
      Buffer.from("<html>Please log in</html>"),
      /by its first bytes, it is not a ZIP, tar or tar\.gz archive/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    const { folder } = withArchive(t, name, bytes);
    await assert.rejects(unpackArchive(folder, name), { name: "UserError", message });
    assert.deepEqual(readdirSync(folder), [name]);
  }
});

for (const [name, make] of Object.entries(KINDS)) {
  test(`${name}: an interruption keeps complete files, and the next call resumes`, async (t) => {
    const entries = Array.from({ length: 6 }, (_, i) => ({
      path: `train/${i}.jpg`,
      content: String(i).repeat(2000),
    }));
    const { folder } = withArchive(t, name, make(entries));
    let files = 0;
    const onProgress = () => ++files === 3 && requestInterrupt();
    await assert.rejects(unpackArchive(folder, name, { onProgress }), { name: "Interrupted" });
    assert.deepEqual(readdirSync(folder).sort(), [".unpacking", name], "nothing half done in its place");
    const work = join(folder, ".unpacking", name, "files/train");
    assert.deepEqual(readdirSync(work).sort(), ["0.jpg", "1.jpg", "2.jpg"]);
    // The state after a kill in the middle of a file; and a mark on a complete one, which must not be written again.
    writeFileSync(join(work, "2.jpg"), "22");
    writeFileSync(join(work, "0.jpg"), "#".repeat(2000));
    await unpackArchive(folder, name);
    const written = entries.map(({ path }) => readFileSync(join(folder, path), "utf8"));
    assert.deepEqual(written, ["#".repeat(2000), ...entries.slice(1).map(({ content }) => content)]);
    assert.equal(existsSync(join(folder, ".unpacking")), false);
  });
}

test("Get_Data unpacks waiting archives of a raw folder, one by one into the same folders, once", async (t) => {
  const dataDir = temporaryDataDir(t);
  const folder = join(dataDir, "raw/rp2k");
  writeFiles(folder, {
    "1.zip": makeZip([{ path: "train/a/1.jpg", content: "x" }]),
    "2.tar.gz": makeTgz([
      { path: "train/a/2.jpg", content: "x" },
      { path: "test/b/1.jpg", content: "x" },
    ]),
  });
  const rows = [
    "image_files,labels",
    "raw/rp2k/train/a/1.jpg,0",
    "raw/rp2k/train/a/2.jpg,0",
    "raw/rp2k/test/b/1.jpg,1",
  ];
  assert.deepEqual(readLines((await getData(dataDir, "rp2k")).csv), rows);
  assert.deepEqual(readLines((await getData(dataDir, "rp2k")).csv), rows);
  // One more part, as for a data set in many archives.
  writeFiles(folder, { "3.zip": makeZip([{ path: "train/c/3.jpg", content: "x" }]) });
  assert.equal((await getData(dataDir, "rp2k")).rows, 4);
});

test("a wrapped folder moves to the top; a folder that was unpacked by hand is left unchanged", async (t) => {
  const dataDir = temporaryDataDir(t);
  const zip = makeZip([
    { path: "Stanford_Online_Products/", mode: 0o040755 },
    { path: "Stanford_Online_Products/sofa_final/1_0.JPG", content: "x" },
    { path: "__MACOSX/._x", content: "x" },
  ]);
  writeFiles(join(dataDir, "raw/Stanford_Products"), { "Stanford_Online_Products.zip": zip });
  const { csv } = await getData(dataDir, "Stanford_Products");
  assert.deepEqual(readLines(csv).slice(1), ["raw/Stanford_Products/sofa_final/1_0.JPG,0"]);

  writeFiles(join(dataDir, "raw/Food2021"), {
    "a/1.jpg": "x",
    "food.zip": makeZip([{ path: "b/1.jpg" }]),
    "more.rar": "x",
  });
  assert.equal((await getData(dataDir, "Food2021")).rows, 1);
  const states = inspectRaw(findDataSet("Food2021"), join(dataDir, "raw/Food2021")).archives.map(
    ({ state }) => state,
  );
  assert.deepEqual(states, ["left", "foreign"]);
});

test("a full disk keeps unpacked files; with free space the next call resumes", async (t) => {
  const entries = ["1", "2", "3"].map((name) => ({ path: `${name}.jpg`, content: name.repeat(2000) }));
  const { folder } = withArchive(t, "a.zip", makeZip(entries));
  let files = 0;
  const onProgress = () => ++files === 1 && requestInterrupt();
  await assert.rejects(unpackArchive(folder, "a.zip", { onProgress }), { name: "Interrupted" });
  const second = join(folder, ".unpacking/a.zip/files/2.jpg");
  symlinkSync("/dev/full", second);
  await assert.rejects(unpackArchive(folder, "a.zip"), {
    name: "UserError",
    message: /a\.zip was not unpacked: the disk is full\.[\s\S]*Make room.*it continues where it stopped/,
  });
  assert.deepEqual(readdirSync(folder).sort(), [".unpacking", "a.zip"]);
  rmSync(second);
  assert.deepEqual(await unpackArchive(folder, "a.zip"), { files: 3, bytes: 6000 });
  assert.deepEqual(
    entries.map(({ path }) => readFileSync(join(folder, path), "utf8")),
    entries.map(({ content }) => content),
  );
});
