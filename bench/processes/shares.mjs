// `npm run bench shares [PHOTOS]`: synthetic photos, 20,000 unless told, preprocessed and embedded by the tower tiny: by
// one process, and in four parts of which one is killed and repeated. The files must be the same, byte for byte.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { randomStream } from "guie/dist/common/random.js";
import sharp from "sharp";
import { startGuie } from "../shared/guie.mjs";
import { CACHE } from "../shared/paths.mjs";
import { row } from "../shared/report.mjs";

const PHOTOS = 20_000;
const PARTS = 4;
/** Share of the photos in one large folder; the others are in folders of FOLDER each. */
const LARGE_FOLDER = 0.6;
const FOLDER = 100;
const [WIDTH_PX, HEIGHT_PX] = [256, 192];
const ROWS_PER_FILE = 1000;

/** Runs both steps. @param word number of photos */
export async function bench(word = String(PHOTOS)) {
  const count = Number(word);
  const photos = await photosOf(count);
  const work = join(CACHE, "shares_work");
  rmSync(work, { recursive: true, force: true });
  try {
    const [one, shared] = ["one", "shared"].map((name) => join(work, name));
    for (const dataDir of [one, shared])
      await startGuie(["get-data", "--data-dir", dataDir, "--dataset", "photos", "--raw", photos]).ended;
    const preprocess = (dataDir) => ["preprocess", "--data-dir", dataDir, "--dataset", "photos"];
    const made = (dataDir) => join(dataDir, "final_data_224");
    await compared(`${count} photos, preprocess`, count, {
      one: preprocess(one),
      shared: preprocess(shared),
      folders: [made(one), made(shared)],
    });
    const images = join(made(one), "photos/images");
    const [oneOut, sharedOut] = ["one_features", "shared_features"].map((name) => join(work, name));
    const flags = ["--config-name", "tiny", "--rows-per-shard", String(ROWS_PER_FILE)];
    const embed = (out) => ["embed", images, "--out", out, ...flags];
    const folders = [oneOut, sharedOut];
    await compared(`${count} photos, embed`, count, {
      one: embed(oneOut),
      shared: embed(sharedOut),
      folders,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs a step by one process and in parts, and compares the files. */
async function compared(name, count, { one, shared, folders }) {
  const alone = await timed(() => startGuie(one).ended);
  const parts = await timed(() => inParts(shared));
  const last = await timed(() => startGuie(shared).ended);
  const files = await sameFiles(...folders);
  console.error(
    `load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`,
  );
  row({
    bench: "shares",
    case: name,
    unit: "images/s",
    peer: "one process",
    ours: count / (parts.seconds + last.seconds),
    theirs: count / alone.seconds,
    peakMB: Math.max(parts.result, last.result),
    theirPeakMB: alone.result,
    more: { partsSeconds: parts.seconds, lastSeconds: last.seconds, equalFiles: files },
  });
}

/** Starts all parts at once, kills the first when it has done something, and repeats it. @returns the highest peak, MB */
async function inParts(args) {
  const start = (index) => startGuie([...args, "--part", `${index}/${PARTS}`]);
  const [first, ...others] = Array.from({ length: PARTS }, (_, i) => start(i + 1));
  first.ended.catch(() => {}); // it is killed
  await first.begun;
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const peaks = await Promise.all([...others, start(1)].map(({ ended }) => ended));
  return Math.max(...peaks);
}

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - start) / 1000 };
}

/** Compares all files below two folders. @returns their number @throws Error naming the first that differs */
async function sameFiles(expected, made) {
  const sumsOf = (folder) => {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    // the record of sources holds their inodes, and the order in which threads ended
    const files = entries.filter((entry) => entry.isFile() && entry.name !== "sources.jsonl");
    const paths = files.map((entry) => join(entry.parentPath, entry.name));
    return new Map(paths.map((path) => [path.slice(folder.length), sumOf(path)]));
  };
  const [wanted, found] = [sumsOf(expected), sumsOf(made)];
  const other = [...new Set([...wanted.keys(), ...found.keys()])].find(
    (name) => wanted.get(name) !== found.get(name),
  );
  if (other !== undefined) throw new Error(`${made}${other} is not that of one process`);
  return wanted.size;
}

function sumOf(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Returns the folder of the photos; draws them at the first call. */
async function photosOf(count) {
  const folder = join(CACHE, `shares_${count}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  for (let number = 0; number < count; number++) {
    const isLarge = number < LARGE_FOLDER * count;
    const place = join(unfinished, isLarge ? "large" : `folder_${Math.floor(number / FOLDER)}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `${number}.jpg`), await drawPhoto(number));
  }
  renameSync(unfinished, folder);
  return folder;
}

/** Draws random colours on a grid of 6 x 4, enlarged: a JPEG of about 4 KB. */
function drawPhoto(number) {
  const random = randomStream(1, "bench shares", number);
  const grid = Uint8Array.from({ length: 6 * 4 * 3 }, () => random.integer(0, 256));
  const image = sharp(grid, { raw: { width: 6, height: 4, channels: 3 } });
  return image.resize(WIDTH_PX, HEIGHT_PX, { kernel: "cubic" }).jpeg().toBuffer();
}
