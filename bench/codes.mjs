// `npm run bench codes [WORD]`: small indices: bytes a row, recall of the exact ten nearest, and queries a second, one
// query at a time. Rows: the demo's training images as demo_frozen embeds them (64 numbers), repeated and perturbed until
// there are enough; queries: its held-out ones.
import { randomStream } from "guie/dist/common/random.js";
import { rowOf, sliceRows } from "guie/dist/common/vectors.js";
import { preset } from "guie/dist/config/presets.js";
import { findModel, openModel } from "guie/dist/embedding/find_model.js";
import { heldOutFiles } from "guie/dist/experiments/ladder.js";
import { readTrainImages } from "guie/dist/experiments/transform_rungs.js";
import { buildApproximateIndex, recallOf } from "guie/dist/retrieval/approximate.js";
import { codedIndex, codeRows } from "guie/dist/retrieval/coded/coded_index.js";
import { CODE_BITS, codeBytes } from "guie/dist/retrieval/coded/levels.js";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours.js";
import { residentIndex } from "guie/dist/retrieval/resident_index.js";
import { row } from "./report.mjs";

const MODEL = "demo_frozen";
const [K, QUERIES] = [10, 200];
/** Standard deviation of what is added to a repeated row, in deviations of its number over all rows. */
const PERTURBATION = 0.5;
const SHORTLISTS = [50, 200, 1000];

/** Measures 200,000 and 1,000,000 rows, if `word` is in the number. */
export async function bench(word = "") {
  const { queries, rows } = await embeddings();
  for (const count of [200_000, 1_000_000])
    if (String(count).includes(word)) await benchRows(queries, repeated(rows, count), count);
}

async function benchRows(queries, rows, count) {
  const exact = await nearestNeighbours(queries, rows, K);
  const measure = async (title, bytes, index) => {
    const cosines = [];
    const begun = performance.now();
    for (let query = 0; query < queries.count; query++)
      cosines.push((await index.search(sliceRows(queries, query, query + 1), K)).cosines[0]);
    const seconds = (performance.now() - begun) / 1000;
    const more = { bytesPerRow: bytes, recallAt10: recallOf({ cosines }, exact) };
    row({
      bench: "codes",
      case: `${count} rows, ${title}`,
      unit: "queries/s",
      ours: queries.count / seconds,
      peer: null,
      more,
    });
  };
  const resident = await residentIndex(rows);
  await measure("exact, in the engine's memory", 4 * rows.length, resident);
  resident.dispose();
  for (const bits of CODE_BITS) {
    const codes = await codeRows(rows, bits);
    for (const shortlist of SHORTLISTS) {
      const index = codedIndex(codes, (position) => rowOf(rows, position), { shortlist });
      await measure(`${bits} bits, ${shortlist} rescored`, codeBytes(codes.levels), index);
    }
  }
  if (count <= 200_000) await measure("graph (USearch)", 4 * rows.length, await buildApproximateIndex(rows));
}

async function embeddings() {
  const config = preset("demo", "frozen");
  const embedder = openModel(await findModel(MODEL, config));
  try {
    const { files } = await readTrainImages(config);
    const held = await heldOutFiles(config.dataDir);
    const embed = (set, some) => embedder.embed(config.dataDir, set, some);
    return {
      rows: await embed("train", files),
      queries: sliceRows(await embed("queries", held.queries.files), 0, QUERIES),
    };
  } finally {
    embedder.dispose();
  }
}

function repeated(rows, count) {
  const { length } = rows;
  const random = randomStream(1, "perturbed rows");
  const deviation = Math.sqrt(rows.data.reduce((sum, value) => sum + value * value, 0) / rows.data.length);
  const data = new Float32Array(count * length);
  for (let i = 0; i < data.length; i++)
    data[i] = rows.data[i % rows.data.length] + PERTURBATION * deviation * random.normal();
  return { data, count, length };
}
