// The features of a frozen backbone, embedded by several processes, each its part: files and losses of one process.
import assert from "node:assert/strict";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writeCsv } from "guie/dist/common/csv/csv";
import { readMetrics } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { superviseRun } from "guie/dist/training/processes/supervisor";
import { runTraining } from "guie/dist/training/run";
import { guie } from "../in_process";
import { assertSameLosses, lossesOf, removeRuns, runConfig } from "./rank_runs";
import { makeTinyData } from "./tiny_data";

/** More than one file of features. */
const IMAGES = 4100;
let dataDir: string;
let one: { losses: number[]; retrieval: unknown };

/** Makes a table of many names of the 36 pictures, in six folds. */
before(async () => {
  dataDir = await makeTinyData();
  const folder = join(dataDir, "final_data_224/tiny/images");
  const pictures = readdirSync(folder).sort();
  mkdirSync(join(dataDir, "final_data_224/many/images"), { recursive: true });
  const rows = Array.from({ length: IMAGES }, (_, i) => {
    const picture = pictures[i % pictures.length]!;
    const file = `final_data_224/many/images/${String(i).padStart(4, "0")}_${picture}`;
    linkSync(join(folder, picture), join(dataDir, file));
    return [file, Number(picture[0]), "many", Math.floor(i / 36) % 6] as const;
  });
  const table = join(dataDir, "final_data_224_sample_balance_fold.csv");
  await writeCsv(table, ["new_image_files", "new_labels", "dataset", "fold"], rows);
  await sleep(2200); // younger files have no notes in sources.json
  one = await trained(1);
  renameSync(join(dataDir, "features"), join(dataDir, "features_of_one"));
});

after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  removeRuns();
});

const configOf = (processes: number) =>
  runConfig(`frozen-${processes}`, dataDir, processes, { stage: "frozen", nEpochs: 1, maxStepsPerEpoch: 20 });

async function trained(processes: number) {
  const folder = prepareRunFolder(configOf(processes), { overwrite: true });
  await (processes === 1 ? runTraining(folder) : superviseRun(folder));
  const retrieval = readMetrics(folder).filter((metric) => metric.kind === "retrieval");
  return { losses: lossesOf(folder), retrieval };
}

/** Returns path -> content of the features of all sets. */
function featuresIn(name: string): Record<string, string> {
  const folder = join(dataDir, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const ofFeatures = paths.filter((path) => !path.endsWith("untrained.json"));
  return Object.fromEntries(ofFeatures.map((path) => [path.slice(folder.length), readFileSync(path, "hex")]));
}

function assertSameFeatures(): void {
  const [made, expected] = [featuresIn("features"), featuresIn("features_of_one")];
  assert.deepEqual(Object.keys(made), Object.keys(expected));
  for (const [path, content] of Object.entries(expected)) assert.ok(made[path] === content, path);
  assert.equal(Object.keys(made).filter((path) => path.includes("/train/features_")).length, 2);
  rmSync(join(dataDir, "features"), { recursive: true });
}

/** Runs `work`, and returns which parts of the training images' features processes claimed meanwhile. */
async function partsClaimedIn(work: () => Promise<void>): Promise<string[]> {
  const parts = new Set<string>();
  const home = join(dataDir, "features");
  const look = () => {
    for (const name of existsSync(home) ? readdirSync(home, { recursive: true, encoding: "utf8" }) : [])
      if (/\.train\.\d_of_2\.owner$/.test(name)) parts.add(basename(name));
  };
  const looks = setInterval(look, 5);
  try {
    await work();
  } finally {
    clearInterval(looks);
  }
  return [...parts].sort();
}

test("two ranks embed a file of features each; features, losses and retrieval are those of one process", async () => {
  let two: typeof one | undefined;
  const parts = await partsClaimedIn(async () => {
    two = await trained(2);
  });
  assert.deepEqual(parts, [".train.1_of_2.owner", ".train.2_of_2.owner"]);
  assertSameLosses(two!.losses, one.losses);
  assert.deepEqual(two!.retrieval, one.retrieval);
  assertSameFeatures();
});

test("guie embed in parts makes the features that a run reads", async () => {
  const embed = (...more: string[]) =>
    guie("embed", "--config-name", "tiny", "--data-dir", dataDir, "--json", ...more);
  for (const text of ["2/3", "1/3", "3/3"]) {
    const { status, stderr } = await embed("--part", text);
    assert.equal(status, 0, stderr);
  }
  const last = await embed();
  assert.equal(last.status, 0, last.stderr);
  assert.equal((JSON.parse(last.stdout) as { images: { train: number } }).images.train, IMAGES);
  assertSameFeatures();
});
