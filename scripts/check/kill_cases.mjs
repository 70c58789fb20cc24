// Cases of `npm run check:kills`: every command that writes, on the smallest useful inputs.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { photoCases, writePhotos } from "./kill_photos.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { findDataSet } = require("guie/dist/datasets/catalogue");
const { hasCheckpoint, runFolder } = require("guie/dist/runs/run_folder");
const { makeTgz, makeZip } = require(join(root, "build/test/datasets/make_archives.js"));

const SET = findDataSet("Food2021");
const [CLASSES, IMAGES_PER_CLASS, SIDE_PX] = [6, 25, 300];
const TIMES = ["imagesPerSecond", "dataSeconds", "memoryMB", "elapsedSeconds"];

/** Files of a run that differ between runs: events are named by time and process, logs contain times. */
const OF_RUNS = {
  "^events\\.|^log\\.txt$|^output\\.txt$": "differs",
  "^metrics\\.jsonl$": (text) => JSON.stringify(text.split("\n").filter(Boolean).map(withoutTimes)),
  "^search\\.csv$": (text) => text.replaceAll(/,[^,\n]*$/gm, ""),
};

/** Records of image sources: their order depends on threads, and hashes exist only where a time does not suffice. */
const OF_IMAGES = { "^sources\\.jsonl$": (text) => JSON.stringify(sourcesOf(text)) };

function sourcesOf(text) {
  const lines = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return [...new Set(lines.map(([source, , , reason]) => `${source} ${reason}`))].sort();
}

function withoutTimes(line) {
  const metric = JSON.parse(line);
  for (const time of TIMES) delete metric[time];
  return metric;
}

/** Makes images of noise: all different, none quick to decode. */
async function pictures(random) {
  const all = [];
  for (let i = 0; i < CLASSES * IMAGES_PER_CLASS; i++) {
    const data = Buffer.from(Array.from({ length: 3 * 40 * 30 }, () => random.integer(0, 255)));
    const picture = sharp(data, { raw: { width: 40, height: 30, channels: 3 } }).resize(
      SIDE_PX,
      SIDE_PX - 60,
    );
    const content = await picture.jpeg({ quality: 95 }).toBuffer();
    all.push({ path: `class_${i % CLASSES}/${i}.jpg`, content });
  }
  return all;
}

/** Returns the cases for killCommand; later ones need the output of earlier ones. */
export async function killCases({ scratch, tinyData, name, random, prepare }) {
  const images = await pictures(random);
  const archived = join(scratch, "archived");
  const raw = (dataDir) => join(dataDir, "raw", SET.folder);
  const half = images.length / 2;
  const putArchives = () => {
    mkdirSync(raw(archived), { recursive: true });
    writeFileSync(join(raw(archived), "first.zip"), makeZip(images.slice(0, half)));
    writeFileSync(join(raw(archived), "second.tar.gz"), makeTgz(images.slice(half)));
  };
  const dataDir = join(scratch, "data");
  for (const { path, content } of images) {
    mkdirSync(dirname(join(raw(dataDir), path)), { recursive: true });
    writeFileSync(join(raw(dataDir), path), content);
  }
  await prepare(["get-data", "--data-dir", dataDir]);
  const made = (file) => join(dataDir, file);
  const tables = ["", "_sample", "_sample_balance", "_sample_balance_fold", "_classes"].map((table) =>
    made(`final_data_224${table}.csv`),
  );
  const features = join(scratch, "features");
  const embed = ["embed", made(`final_data_224/${SET.folder}/images`), "--out", features];
  const embedTiny = [...embed, "--config-name", "tiny", "--rows-per-shard", "16"];
  const [index, indexBefore] = ["index", "index_before"].map((name) => join(scratch, name));
  const [first, ...others] = [0, 1, 2].map((number) => join(raw(dataDir), `class_${number}`));
  await prepare(["embed", first, "--out", indexBefore, "--config-name", "tiny", "--rows-per-shard", "16"]);
  const changing = (change, args) => ({
    command: `index ${change}`,
    args: ["index", change, index, ...args],
    inputs: () => cpSync(indexBefore, index, { recursive: true, preserveTimestamps: true }),
    place: index,
    outputs: [index],
    same: { "^sources\\.json$": "differs" },
    share: 1 / 2,
  });
  const tiny = ["--config-name", "tiny", "--data-dir", tinyData, "--max-steps-per-epoch", "3"];
  const train = (run, ...more) => ["train", ...tiny, "--stage", "fine_tune", "--run-name", run, ...more];
  const [a, b, again, soup, search] = ["a", "b", "again", "soup", "search"].map((what) => `${name}-${what}`);
  await prepare(train(a, "--init-lr", "0.03"));
  await prepare(train(b, "--init-lr", "0.05"));
  const exporting = (format, path, more) => {
    const args = ["export", a, "--format", format, "--out", path];
    const before = [...args, ...more];
    return {
      command: `export --format ${format} --overwrite`,
      args: [...args, "--overwrite"],
      before,
      place: path,
      outputs: [path],
      share: 1 / 4,
    };
  };
  const demo = join(scratch, "demo");
  const own = join(scratch, "own");
  const photos = writePhotos(scratch, images);
  const draw = ["get-data", "--data-dir", demo, "--demo", "--classes-per-group", "8"];
  return {
    folders: [a, b, again, soup, search].map(runFolder),
    photos,
    cases: [
      ...photoCases(photos, { model: a, same: { ...OF_RUNS, ...OF_IMAGES, "^sources\\.json$": "differs" } }),
      {
        command: "get-data",
        args: ["get-data", "--data-dir", archived],
        place: join(archived, `csv/${SET.name}.csv`),
        outputs: [archived],
        inputs: putArchives,
      },
      {
        command: "get-data --raw",
        args: ["get-data", "--data-dir", own, "--dataset", "shop", "--raw", raw(dataDir)],
        place: join(own, "csv/shop.csv"),
        outputs: [join(own, "csv"), join(own, "data_sets.json")],
      },
      {
        command: "preprocess",
        isNeeded: true,
        args: ["preprocess", "--data-dir", dataDir],
        place: made(`final_data_224/${SET.folder}`),
        outputs: [made("final_data_224")],
        same: OF_IMAGES,
      },
      {
        command: "merge",
        isNeeded: true,
        args: ["merge", "--data-dir", dataDir],
        place: tables[0],
        outputs: tables,
      },
      {
        command: "pack",
        args: ["pack", "--data-dir", dataDir, "--images-per-tar", "10"],
        place: made("packed/final_data_224_sample_balance_fold"),
        outputs: [made("packed")],
      },
      {
        command: "duplicates",
        args: ["duplicates", "--data-dir", dataDir],
        place: made("final_data_224_duplicates.csv"),
        outputs: ["duplicates", "looks"].map((table) => made(`final_data_224_${table}.csv`)),
      },
      { command: "embed", args: embedTiny, place: features, outputs: [features] },
      {
        command: "embed --overwrite",
        args: [...embedTiny, "--overwrite"],
        before: [...embedTiny, "--dtype", "float32"],
        place: features,
        outputs: [features],
      },
      changing("add", others),
      changing("remove", ["--where", "file=0.jpg", "file=6.jpg"]),
      changing("compact", []),
      exporting("savedmodel", join(scratch, "saved_model"), ["--mirror"]),
      exporting("zip", join(scratch, "model.zip"), ["--mirror"]),
      exporting("onnx", join(scratch, "onnx"), ["--mirror"]),
      exporting("safetensors", join(scratch, "weights"), ["--naming", "timm"]),
      {
        command: "soup --greedy --overwrite",
        args: ["soup", a, b, "--greedy", "--out", soup, "--overwrite"],
        before: ["soup", a, b, "--out", soup],
        place: runFolder(soup),
        outputs: [runFolder(soup)],
      },
      {
        command: "tune",
        args: ["tune", ...tiny, "--vary", "margin=0.2,0.4", "--seeds", "1,2", "--name", search],
        place: runFolder(search),
        outputs: [runFolder(search)],
        same: OF_RUNS,
      },
      {
        command: "train --overwrite",
        args: train(again, "--init-lr", "0.02", "--overwrite"),
        before: train(again),
        place: runFolder(again),
        outputs: [runFolder(again)],
        same: OF_RUNS,
        isThere: () => hasCheckpoint(runFolder(again)),
      },
      {
        command: "get-data --demo",
        args: [...draw, "--seed", "2"],
        before: [...draw, "--seed", "1"],
        place: join(demo, "demo.json"),
        outputs: [demo],
        share: 1 / 4,
        isThere: () => true,
      },
    ],
  };
}
