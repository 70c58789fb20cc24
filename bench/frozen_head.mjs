// `npm run bench frozen_head`: trains neck and sub-centre head on cached features (preset frozen_head), against
// PyTorch.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "guie/dist/common/random.js";
import { ensureFeatureFolder } from "guie/dist/features/feature_writer.js";
import { alternate, startContestant } from "./contestant.mjs";
import { findPython, row, TORCH } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const ROWS = 100_000;
const LENGTH = 1280;
const CLASSES = 35_000;
const BATCH = 128;
/** Steps per iteration; an epoch has 781 or, with the last smaller batch, 782. */
const STEPS = 100;

/** Measures images/s; `epochSeconds` is the time of an epoch's 782 steps at that rate. */
export async function bench() {
  const folder = join(here, "../.cache/bench/frozen_head");
  if (!existsSync(folder)) await drawFeatures(folder);
  const python = findPython();
  const spec = JSON.stringify({
    folder,
    rows: ROWS,
    length: LENGTH,
    classes: CLASSES,
    batch: BATCH,
    steps: STEPS,
  });
  const contestants = [await startContestant(process.execPath, [join(here, "frozen_head_ours.mjs"), spec])];
  if (python) contestants.push(await startContestant(python, [join(here, "frozen_head_torch.py"), spec]));
  const [oursMs, theirsMs] = await alternate(contestants, { warmUps: 1, rounds: 3 });
  const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
  const rate = (ms) => (STEPS * BATCH) / (ms / 1000);
  row({
    bench: "frozen_head",
    case: `${ROWS} x ${LENGTH} features, ${CLASSES} classes x 3, batch ${BATCH}`,
    unit: "images/s",
    peer: TORCH,
    ours: rate(oursMs),
    theirs: theirsMs && rate(theirsMs),
    peakMB,
    theirPeakMB,
    more: {
      epochSeconds: ROWS / rate(oursMs),
      ...(theirsMs ? { theirEpochSeconds: ROWS / rate(theirsMs) } : {}),
    },
  });
}

/** Writes random clusters: a centre per class, each image near its own; two or three images per class. */
async function drawFeatures(folder) {
  console.error("bench: drawing the features ...");
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const labels = Int32Array.from({ length: ROWS }, (_, i) => i % CLASSES);
  const files = Array.from({ length: ROWS }, (_, i) => `${i}.jpg`);
  const draw = async (some, start) => {
    const data = new Float32Array(some.length * LENGTH);
    for (let i = 0; i < some.length; i++) {
      const centre = randomStream(1, "bench centre", labels[start + i]);
      const noise = randomStream(1, "bench noise", start + i);
      for (let j = 0; j < LENGTH; j++)
        data[i * LENGTH + j] = 2 * centre.uniform() - 1 + 0.5 * (2 * noise.uniform() - 1);
    }
    return { vectors: { data, count: some.length, length: LENGTH }, skipped: [] };
  };
  const plan = { rows: { files, labels }, madeBy: { origin: "random clusters" }, replace: true };
  await ensureFeatureFolder(unfinished, plan, async () => draw);
  renameSync(unfinished, folder);
}
