// Features of random clusters, for benchmarks of training on cached features.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { randomStream } from "guie/dist/common/random.js";
import { ensureFeatureFolder } from "guie/dist/features/feature_writer.js";

/**
 * Writes a folder of features if it is missing: a centre per class, each image near its own; the classes take turns.
 * @param {string} folder
 * @param {{ rows: number, length: number, classes: number }} sizes
 */
export async function clusterFeatures(folder, { rows, length, classes }) {
  if (existsSync(folder)) return;
  console.error(`bench: drawing ${rows} features ...`);
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const labels = Int32Array.from({ length: rows }, (_, i) => i % classes);
  const files = Array.from({ length: rows }, (_, i) => `${i}.jpg`);
  const draw = async (some, start) => {
    const data = new Float32Array(some.length * length);
    for (let i = 0; i < some.length; i++) {
      const centre = randomStream(1, "bench centre", labels[start + i]);
      const noise = randomStream(1, "bench noise", start + i);
      for (let j = 0; j < length; j++)
        data[i * length + j] = 2 * centre.uniform() - 1 + 0.5 * (2 * noise.uniform() - 1);
    }
    return { vectors: { data, count: some.length, length }, skipped: [] };
  };
  const plan = { rows: { files, labels }, madeBy: { origin: "random clusters" }, replace: true };
  await ensureFeatureFolder(unfinished, plan, async () => draw);
  renameSync(unfinished, folder);
}
