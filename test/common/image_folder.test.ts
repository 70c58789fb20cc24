// Folders of images as people have them: clutter, notes, links, pipes. One walk for get-data and embed.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { FolderWalk } from "guie/dist/common/files/image_folder";
import { readRegularFile } from "guie/dist/common/files/regular_file";
import { installPath } from "guie/dist/common/project";
import { getData } from "guie/dist/datasets/get_data";
import { readImageList } from "guie/dist/features/image_list";
import { decodeRgb } from "guie/dist/images/decode";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { readLines, writeFiles } from "../datasets/miniature";
import { temporaryFolder } from "../folders";

const CLUTTER = [
  ".DS_Store",
  "._1.jpg",
  "Thumbs.db",
  "Thumbs.db:encryptable",
  "desktop.ini",
  "Icon\r",
  "1.jpg:Zone.Identifier",
  "Zone.Identifier",
  "__MACOSX/1.jpg",
  "@eaDir/1.jpg",
  ".hidden/1.jpg",
];
const ENDINGS = [
  "jpg",
  "JPEG",
  "jpe",
  "jfif",
  "png",
  "bmp",
  "webp",
  "gif",
  "tif",
  "tiff",
  "avif",
  "svg",
  "heic",
  "HEIF",
];

test("images of all endings are taken, clutter passed over, other files reported; none of it stops the rest", async (t) => {
  const dataDir = temporaryFolder(t);
  const raw = join(dataDir, "raw/Food2021");
  writeFiles(raw, [
    "a/film.mp4",
    "a/rest.zip",
    ...ENDINGS.map((ending) => `a/1.${ending}`),
    "notes.txt/1.jpg",
  ]);
  writeFiles(join(raw, "a"), CLUTTER);
  writeFiles(raw, { "a/notes.txt": "", LICENSE: "" });
  const { rows, skipped, leftOut } = await getData(dataDir, "Food2021");
  const others = ["a/film.mp4", "a/rest.zip"].map((file) => ({
    file,
    reason: "not an image, by its ending",
  }));
  assert.equal(rows, ENDINGS.length + 1, "a class may be called like a note");
  assert.equal(skipped.harmlessFiles, CLUTTER.length + 2);
  assert.deepEqual(leftOut, others);
  const listed = ["file,reason", ...others.map(({ file, reason }) => `${file},"${reason}"`)];
  assert.deepEqual(readLines(join(dataDir, "csv/Food2021_left_out.csv")), listed);
  const embedded = await readImageList(raw, dataDir);
  assert.equal(embedded.rows.files.length, ENDINGS.length + 1);
  assert.deepEqual(
    embedded.leftOut.map(({ file, reason }) => [file, reason.split(":")[0]]),
    [
      ["LICENSE", "no image"],
      ["a/film.mp4", "a film"],
      ["a/notes.txt", "no image"],
      ["a/rest.zip", "an archive"],
    ],
    "notes are left out of own photos, too",
  );
});

test("get-data and embed follow links alike: each real folder once, none in a circle", async (t) => {
  const dataDir = temporaryFolder(t);
  const raw = join(dataDir, "raw/Food2021");
  const elsewhere = join(dataDir, "elsewhere");
  writeFiles(raw, ["a/1.jpg"]);
  writeFiles(elsewhere, ["3.jpg", "sub/4.jpg"]);
  symlinkSync(elsewhere, join(raw, "b")); // out of the folder: followed
  symlinkSync(join(elsewhere, "sub"), join(raw, "c")); // is inside b: the nearer name is taken
  symlinkSync("a", join(raw, "d")); // read in its own place
  symlinkSync("../..", join(raw, "a/up")); // above
  symlinkSync(raw, join(elsewhere, "sub/back")); // a circle
  symlinkSync("none", join(raw, "a/none.jpg"));
  symlinkSync("self.jpg", join(raw, "a/self.jpg"));
  symlinkSync("1.jpg", join(raw, "a/same.jpg")); // a link to a file: a separate image
  const files = ["a/1.jpg", "a/same.jpg", "b/3.jpg", "c/4.jpg"];
  const leftOut = {
    "a/none.jpg": "a link that leads nowhere",
    "a/self.jpg": "a link that leads nowhere",
    "a/up": "a link to a folder above",
    "b/sub": "a folder that was read before",
    "c/back": "a link to a folder that is read in its own place",
    d: "a link to a folder that is read in its own place",
  };
  const told = (list: readonly { file: string; reason: string }[]) =>
    Object.fromEntries(list.map(({ file, reason }) => [file, reason] as const).sort());
  const embedded = await readImageList(raw, dataDir);
  assert.deepEqual([...embedded.rows.files], files);
  const read = await getData(dataDir, "Food2021");
  const rows = readLines(read.csv)
    .slice(1)
    .map((line) => line.split(",")[0]!.replace("raw/Food2021/", ""));
  assert.deepEqual(rows.sort(), files);
  for (const list of [embedded.leftOut, read.leftOut]) assert.deepEqual(told(list), leftOut);
});

test("a pipe, a socket and a device are listed or refused, never waited for", async (t) => {
  const dataDir = temporaryFolder(t);
  const raw = join(dataDir, "raw/Food2021/a");
  writeFiles(raw, ["1.jpg"]);
  const pipe = join(raw, "pipe.jpg");
  execFileSync("mkfifo", [pipe]);
  const server = createServer().listen(join(raw, "socket.png"));
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  symlinkSync("/dev/zero", join(raw, "zero.jpg"));
  const { rows, leftOut } = await getData(dataDir, "Food2021");
  assert.equal(rows, 1);
  assert.deepEqual(leftOut, [
    { file: "a/pipe.jpg", reason: "a named pipe, not a file" },
    { file: "a/socket.png", reason: "a socket, not a file" },
    { file: "a/zero.jpg", reason: "a device, not a file" },
  ]);
  // A table can name them too.
  const files = ["1.jpg", "pipe.jpg", "zero.jpg"].map((name) => `raw/Food2021/a/${name}`);
  mkdirSync(join(dataDir, "csv"), { recursive: true });
  writeFileSync(
    join(dataDir, "csv/things.csv"),
    `image_files,labels\n${files.map((file) => `${file},0\n`).join("")}`,
  );
  const dataset = { name: "things", folder: "Things", smallestClass: 1 };
  const made = await preprocessDataset({ dataDir, dataset });
  assert.deepEqual([made.rowsOut, made.rejected], [1, 2]);
  const rejects = readLines(join(dataDir, "final_data_224/Things_rejects.csv")).slice(1);
  assert.deepEqual(rejects, [
    `${files[1]},0,"a named pipe, not a file"`,
    `${files[2]},0,"a device, not a file"`,
  ]);
  await assert.rejects(decodeRgb(pipe), /pipe\.jpg: a named pipe, not a file/);
  await assert.rejects(readRegularFile(raw), /a folder, not a file/);
  const args = ["embed", pipe, "--out", join(dataDir, "out"), "--config-name", "tiny"];
  const { status, stderr } = spawnSync(process.execPath, [installPath("lib/bin/guie.js"), ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /Expected images, or a list of them, at .*pipe\.jpg: it is a named pipe, not a file/);
});

test("a walk lists each folder's names by code unit", (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["b.jpg", "B.jpg", "é.jpg", "a/1.jpg", "Z/1.jpg"]);
  assert.deepEqual(new FolderWalk(folder).list(""), {
    folders: ["Z", "a"],
    images: ["B.jpg", "b.jpg", "é.jpg"],
  });
});
