// `npm run bench packed [WORD]`: loads an epoch of images from files and from the tars of `guie pack`, from a cold disk,
// at once and from a slow file server (slow_files.c).
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeCsv } from "guie/dist/common/csv/csv.js";
import { packImages } from "guie/dist/packs/pack.js";
import { FOLDS_CSV } from "guie/dist/tables/layout.js";
import { contest } from "../shared/contest.mjs";
import { imageFolder } from "../shared/images.mjs";
import { CACHE } from "../shared/paths.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const IMAGES = 2048;
/** Every image of fold 0; fold 1 has one more row, which training leaves out. */
const CLASSES = 64;
const CASES = [2, 10].flatMap((threads) => [0, 5].map((ms) => ({ threads, ms })));

/** Measures images/s; an iteration is an epoch of 2,048 JPEGs of 224 px, some 25 KB each, in batches of 32. */
export async function bench(word = "") {
  const dataDir = await imageFolder(IMAGES);
  await writeTable(dataDir);
  await packImages({ dataDir, imagesPerTar: 512 });
  const shim = compileShim();
  const drop = cacheDropper();
  for (const { threads, ms } of CASES) {
    const name = `${threads} threads, ${ms} ms, ${drop ? "cold" : "warm"}`;
    if (!name.includes(word)) continue;
    const slow = [`LD_PRELOAD=${shim}`, `SLOW_FOLDER=${dataDir}`, `SLOW_MS=${ms}`];
    const script = join(here, "packed_ours.mjs");
    /** @returns {import("../shared/contest.mjs").Start} */
    const start = (source) => ["env", [...slow, process.execPath, script, dataDir, source, String(threads)]];
    await contest({
      bench: "packed",
      name,
      unit: "images/s",
      rate: (epochMs) => IMAGES / (epochMs / 1000),
      ours: start("tars"),
      peers: { "the same images as files": start("files") },
      before: drop,
      warmUps: 1,
      rounds: 3,
    });
  }
}

async function writeTable(dataDir) {
  if (existsSync(join(dataDir, FOLDS_CSV))) return;
  const rows = Array.from({ length: IMAGES }, (_, i) => [`${i}.jpg`, i % CLASSES, "drawn", 0]);
  const columns = ["new_image_files", "new_labels", "dataset", "fold"];
  await writeCsv(join(dataDir, FOLDS_CSV), columns, [...rows, ["0.jpg", 0, "drawn", 1]]);
}

/** Compiles slow_files.c. @returns the path of the library */
function compileShim() {
  mkdirSync(CACHE, { recursive: true });
  const library = join(CACHE, "slow_files.so");
  execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, join(here, "slow_files.c"), "-ldl"]);
  return library;
}

/** Returns a function that empties the machine's file caches; undefined where only root may. */
function cacheDropper() {
  const file = "/proc/sys/vm/drop_caches";
  const drop = () => {
    execFileSync("sync");
    writeFileSync(file, "3\n");
  };
  if (process.getuid() === 0 && existsSync(file)) return drop;
  console.error(
    "bench: only root empties the file caches: the files are in memory, only the delay is measured",
  );
  return undefined;
}
