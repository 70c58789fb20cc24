// `npm run bench codes [WORD]`: small indices: bytes a row, recall of the exact ten nearest, and queries a second, one
// query at a time; a graph beside them. Rows: the demo's training images as demo_frozen embeds them (64 numbers), repeated
// and perturbed until there are enough; queries: its held-out ones. Ten million rows lie on disk (1.3 GB in .cache/bench),
// and are searched in a process of their own, whose peak of memory is measured.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeJson } from "guie/dist/common/files/files.js";
import { randomStream } from "guie/dist/common/random.js";
import { rowOf, sliceRows } from "guie/dist/common/vectors.js";
import { preset } from "guie/dist/config/presets.js";
import { findModel, openModel } from "guie/dist/embedding/find_model.js";
import { heldOutFiles } from "guie/dist/experiments/ladder.js";
import { readTrainImages } from "guie/dist/experiments/transform_rungs.js";
import { FEATURE_FILES, openFeatures, readSummary, SHARD_TENSOR } from "guie/dist/features/feature_files.js";
import { writeSafetensors } from "guie/dist/formats/safetensors.js";
import { buildApproximateIndex, recallOf } from "guie/dist/retrieval/approximate.js";
import { codedIndex, codeRows } from "guie/dist/retrieval/coded/coded_index.js";
import { CODE_BITS, codeBytes } from "guie/dist/retrieval/coded/levels.js";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours.js";
import { residentIndex } from "guie/dist/retrieval/resident_index.js";
import { startContestant } from "../shared/contestant.mjs";
import { CACHE } from "../shared/paths.mjs";
import { row } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const MODEL = "demo_frozen";
const [K, QUERIES] = [10, 200];
/** Standard deviation of what is added to a repeated row, in deviations of its number over all rows. */
const PERTURBATION = 0.5;
const SHORTLISTS = [50, 200, 1000];
const [IN_MEMORY, ON_DISK, SHARD_ROWS] = [[200_000, 1_000_000], 10_000_000, 250_000];
const title = (count, what) => `${count.toLocaleString("en-US")} rows, ${what}`;

/** Runs the cases with `word` in their names. */
export async function bench(word = "") {
  const { queries, rows } = await embeddings();
  for (const count of IN_MEMORY) {
    const isWanted = (what) => title(count, what).includes(word);
    if ([...CODED, EXACT, ...REACHES.map(graphCase)].some(isWanted))
      await benchMemory(queries, more(rows)(count), isWanted);
  }
  const wanted = ON_DISK_CASES.filter(({ what }) => title(ON_DISK, what).includes(word));
  if (wanted.length > 0) await benchDisk(queries, rows, wanted);
}

const EXACT = "exact, in the engine's memory";
/** How many rows a search of the graph looks for; 0: as many as it returns. */
const REACHES = [0, 512, 2048];
const graphCase = (reach) => `graph (USearch), reach ${reach}`;
const codedCase = (bits, shortlist) => `${bits} bits, ${shortlist} rescored`;
const CODED = CODE_BITS.flatMap((bits) => SHORTLISTS.map((shortlist) => codedCase(bits, shortlist)));
const ON_DISK_CASES = [1, 2, 4].flatMap((bits) =>
  [200, 1000].map((shortlist) => ({ bits, shortlist, what: `${codedCase(bits, shortlist)} from disk` })),
);

async function benchMemory(queries, rows, isWanted) {
  const exact = await nearestNeighbours(queries, rows, K);
  const measure = async (what, bytesPerRow, index) => {
    const cosines = [];
    const begun = performance.now();
    for (let query = 0; query < queries.count; query++)
      cosines.push((await index.search(sliceRows(queries, query, query + 1), K)).cosines[0]);
    const seconds = (performance.now() - begun) / 1000;
    report(title(rows.count, what), queries.count / seconds, {
      bytesPerRow,
      recallAt10: recallOf({ cosines }, exact),
    });
  };
  if (isWanted(EXACT)) {
    const resident = await residentIndex(rows);
    await measure(EXACT, 4 * rows.length, resident);
    resident.dispose();
  }
  for (const bits of CODE_BITS) {
    const lists = SHORTLISTS.filter((shortlist) => isWanted(codedCase(bits, shortlist)));
    if (lists.length === 0) continue;
    const codes = await codeRows(rows, bits);
    for (const shortlist of lists) {
      const index = codedIndex(codes, (position) => rowOf(rows, position), { shortlist });
      await measure(codedCase(bits, shortlist), codeBytes(codes.levels), index);
    }
  }
  const reaches = REACHES.filter((reach) => isWanted(graphCase(reach)));
  if (reaches.length === 0) return;
  const graph = await buildApproximateIndex(rows);
  for (const reach of reaches) {
    graph.reach = reach;
    await measure(graphCase(reach), 4 * rows.length, graph);
  }
}

async function benchDisk(queries, rows, cases) {
  const folder = await rowsOnDisk(rows);
  const exact = await nearestNeighbours(queries, openFeatures(folder), K);
  writeFileSync(join(folder, "queries.f32"), queries.data);
  for (const { bits, shortlist, what } of cases) {
    const request = JSON.stringify({ folder, bits, shortlist, k: K, length: rows.length });
    const contestant = await startContestant(process.execPath, [join(here, "codes_ours.mjs"), request]);
    const ms = await contestant.run();
    const peakMB = await contestant.end();
    const found = readFileSync(join(folder, "found.f32"));
    const all = new Float32Array(found.buffer, found.byteOffset, found.length / 4);
    const cosines = exact.cosines.map((_, query) => all.subarray(query * K, (query + 1) * K));
    const recallAt10 = recallOf({ cosines }, exact);
    const bytesPerRow = codeBytes({ bits, length: rows.length });
    report(
      title(ON_DISK, what),
      queries.count / (ms / 1000),
      { bytesPerRow, recallAt10, ...contestant.more() },
      peakMB,
    );
  }
}

function report(name, ours, numbers, peakMB) {
  row({ bench: "codes", case: name, unit: "queries/s", ours, peer: null, peakMB, more: numbers });
}

/** Writes the rows as a folder of features, once. */
async function rowsOnDisk(rows) {
  const folder = join(CACHE, `codes_${ON_DISK}`);
  if (readSummary(folder)) return folder;
  mkdirSync(folder, { recursive: true });
  const next = more(rows);
  const shards = Array.from({ length: ON_DISK / SHARD_ROWS }, (_, i) => ({
    file: FEATURE_FILES.shard(i),
    count: SHARD_ROWS,
  }));
  for (const { file, count } of shards) {
    const { data } = next(count);
    const shape = [count, rows.length];
    await writeSafetensors(join(folder, file), [{ name: SHARD_TENSOR, shape, data }], {}, "F16");
  }
  const identity = `${MODEL}, repeated and perturbed`;
  writeJson(join(folder, FEATURE_FILES.summary), {
    ...{ count: ON_DISK, length: rows.length, dtype: "float16", shards, skipped: 0 },
    ...{ madeBy: { model: identity }, identity, rowsIdentity: identity },
  });
  return folder;
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

/** Returns a function that makes the next rows: given ones, repeated and perturbed. */
function more({ data: given, length }) {
  const random = randomStream(1, "perturbed rows");
  const deviation = Math.sqrt(given.reduce((sum, value) => sum + value * value, 0) / given.length);
  let at = 0;
  return (count) => {
    const data = new Float32Array(count * length);
    for (let i = 0; i < data.length; i++, at = (at + 1) % given.length)
      data[i] = given[at] + PERTURBATION * deviation * random.normal();
    return { data, count, length };
  };
}
