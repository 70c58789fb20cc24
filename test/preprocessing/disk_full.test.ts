// Tests of preprocessing on a full disk and with a limit on file sizes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { temporaryFolder, writeFile } from "../folders";
import { draw, toSharp } from "../images/make";

const dataset = { name: "things", folder: "Things", smallestClass: 1 };

/** Script that runs the step and prints the images that exist afterwards, and the error. */
const CHILD = `
const { readdirSync } = require("node:fs");
const { preprocessDataset } = require("guie/dist/preprocessing/preprocess");
const { dataDir, dataset } = JSON.parse(process.argv[1]);
preprocessDataset({ dataDir, dataset, concurrency: 1 })
  .catch((error) => error)
  .then(({ name, message }) => {
    const files = readdirSync(dataDir + "/final_data_224", { recursive: true });
    console.log(JSON.stringify({ name, message, files: files.map(String).sort() }));
  });
`;

/** Writes 12 images of 20 px, then 12 noisy images of 224 px, more than 60 kB each. */
async function makeThings(dataDir: string): Promise<void> {
  const rows = ["image_files,labels"];
  for (let i = 0; i < 24; i++) {
    const side = i < 12 ? 20 : 224;
    const image = draw(side, side, (x, y, c) => (x * x * 3 + y * y * 5 + x * y * 7 + c * 89 + i) % 251);
    const file = `raw/Things/${String(i).padStart(2, "0")}.png`;
    writeFile(join(dataDir, file), await toSharp(image).png().toBuffer());
    rows.push(`${file},0`);
  }
  writeFile(join(dataDir, "csv/things.csv"), `${rows.join("\n")}\n`);
}

/** Runs the script in a shell that first runs `prelude`. */
function runChild(shell: string[], prelude: string, dataDir: string) {
  const child = spawnSync(
    shell[0]!,
    [...shell.slice(1), `${prelude}; exec "$0" "$@"`, process.execPath, "-e", CHILD].concat(
      JSON.stringify({ dataDir, dataset }),
    ),
    { cwd: __dirname, encoding: "utf8" },
  );
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout) as { name: string; message: string; files: string[] };
}

const imagesIn = (files: string[]) => files.filter((file) => file.startsWith("Things/images/"));

test("the error for a file over the size limit says what, where and what to do; earlier images stay", async (t) => {
  const dataDir = temporaryFolder(t);
  await makeThings(dataDir);
  // 16 blocks of 512 bytes; the signal for larger files is ignored, as by shells in containers
  const limited = runChild(["sh", "-c"], "trap '' XFSZ; ulimit -f 16", dataDir);
  assert.equal(limited.name, "UserError");
  assert.match(limited.message, /images\/\d\d\.png~\.jpg could not be written: the file is larger .*ulimit/);
  assert.match(limited.message, /\n {2}Next: .*what is finished is kept/);
  const images = imagesIn(limited.files);
  assert.ok(images.length >= 8 && images.length <= 12, `${images}`); // the first chunk, or more
  assert.ok(images.every((file) => file.endsWith(".jpg"))); // no half-written file
  assert.ok(!limited.files.includes("Things_final_224.csv"));

  const finished = new Map(images.map((file) => [file, readFileSync(join(dataDir, "final_data_224", file))]));
  assert.equal((await preprocessDataset({ dataDir, dataset })).rowsOut, 24);
  for (const [file, bytes] of finished)
    assert.deepEqual(readFileSync(join(dataDir, "final_data_224", file)), bytes);
});

const mounts = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
const skip = !mounts && "no small disk can be mounted here";

test("a full disk gives an error, and no image is lost or half written", { skip }, async (t) => {
  const dataDir = temporaryFolder(t);
  await makeThings(dataDir);
  const target = join(dataDir, "final_data_224");
  const mount = `mkdir -p ${target} && mount -t tmpfs -o size=300k none ${target}`;
  const full = runChild(["unshare", "-rm", "sh", "-c"], mount, dataDir);
  assert.equal(full.name, "UserError");
  assert.match(full.message, /could not be written: the disk is full\.\n {2}Next: Make room/);
  const images = imagesIn(full.files);
  assert.ok(images.length >= 12 && images.length < 24, `${images}`);
  assert.ok(images.every((file) => file.endsWith(".jpg")));
  assert.equal(readdirSync(target).length, 0); // the small disk went with its process
});
