// `npm run bench knn`: exact nearest neighbours against faiss-cpu, and a million rows streamed from disk.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "guie/dist/common/random.js";
import { buildApproximateIndex, recallOf } from "guie/dist/retrieval/approximate.js";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours.js";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { median } from "../shared/numbers.mjs";
import { CACHE } from "../shared/paths.mjs";
import { findPython, row } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [QUERIES, LENGTH] = [5000, 64];

const FAISS = "faiss-cpu 1.15 IndexFlatIP";
export const CASES = [
  { name: "5,000 x 200,000 x 64, k=5", rows: 200_000, k: 5, work: "memory", rounds: 7 },
  { name: "5,000 x 200,000 x 64, k=100", rows: 200_000, k: 100, work: "memory", rounds: 5 },
  { name: "5,000 x 1,000,000 x 64, k=5, from disk", rows: 1_000_000, k: 5, work: "disk", rounds: 3 },
].map((spec) => ({ ...spec, peers: [FAISS] }));

/** Runs the cases with `word` in their name; one row each, in queries/s. */
export async function bench(word = "") {
  if (APPROXIMATE.includes(word)) await benchApproximate();
  const python = findPython("faiss");
  for (const spec of chosenCases(CASES, word)) {
    const folder = await vectors(spec.rows);
    const argument = JSON.stringify({
      ...spec,
      folder,
      queries: QUERIES,
      length: LENGTH,
      shards: shardsOf(spec),
    });
    await contest({
      ...spec,
      bench: "knn",
      unit: "queries/s",
      rate: (ms) => QUERIES / (ms / 1000),
      ours: [process.execPath, [join(here, "knn_ours.mjs"), argument]],
      warmUps: 1,
      pauseMs: 500,
      more: ({ theirsMs }) => (theirsMs ? compareFound(folder, spec) : {}),
      peers: { [FAISS]: python && [python, [join(here, "knn_faiss.py"), argument]] },
    });
  }
}

const APPROXIMATE = "approximate: 20,000 x 64, k=5";

/** Compares USearch's graph with our exact search of the same rows: queries one by one, as in a server. */
async function benchApproximate() {
  const folder = await vectors(200_000);
  const read = (name, count) => {
    const bytes = readFileSync(join(folder, name)).subarray(0, count * LENGTH * 4);
    return { data: new Float32Array(bytes.buffer, bytes.byteOffset, count * LENGTH), count, length: LENGTH };
  };
  const [queries, rows] = [read("queries.f32", 200), read("index_0.f32", 20_000)];
  const startedAt = performance.now();
  const index = await buildApproximateIndex(rows);
  const buildMs = performance.now() - startedAt;
  const found = { ours: [], theirs: [] };
  const [oursMs, theirsMs] = [0, 0].map(() => []);
  for (let query = 0; query < queries.count; query++) {
    const data = queries.data.subarray(query * LENGTH, (query + 1) * LENGTH);
    const one = { data, count: 1, length: LENGTH };
    const sides = {
      ours: { times: oursMs, search: () => index.search(one, 5) },
      theirs: { times: theirsMs, search: () => nearestNeighbours(one, rows, 5) },
    };
    for (const [side, { times, search }] of Object.entries(sides)) {
      const from = performance.now();
      found[side].push((await search()).cosines[0]);
      times.push(performance.now() - from);
    }
  }
  row({
    bench: "knn",
    case: APPROXIMATE,
    unit: "queries/s",
    peer: "our exact search",
    ours: 1000 / median(oursMs),
    theirs: 1000 / median(theirsMs),
    peakMB: Math.round(process.resourceUsage().maxRSS / 2 ** 10),
    theirPeakMB: null,
    more: {
      recall: recallOf({ cosines: found.ours }, { cosines: found.theirs }),
      rowsPerSecond: rows.count / (buildMs / 1000),
    },
  });
}

/** Rows per file: a million of 64 numbers would be 256 MB in one. */
const SHARD_ROWS = 100_000;

function shardsOf({ rows }) {
  return Array.from({ length: rows / SHARD_ROWS }, (_, shard) => `index_${shard}.f32`);
}

/** Writes random unit vectors as float32 files: queries.f32 and index_<n>.f32 of 100,000 rows; returns their folder. */
async function vectors(rows) {
  const folder = join(CACHE, `knn_${QUERIES}_${rows}_${LENGTH}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const write = (name, count) => writeFileSync(join(unfinished, name), unitVectors(name, count));
  write("queries.f32", QUERIES);
  for (const shard of shardsOf({ rows })) write(shard, SHARD_ROWS);
  renameSync(unfinished, folder);
  return folder;
}

function unitVectors(name, count) {
  const random = randomStream(1, "bench knn", name);
  const data = new Float32Array(count * LENGTH);
  for (let start = 0; start < data.length; start += LENGTH) {
    const row = Float64Array.from({ length: LENGTH }, () => random.uniform() + random.uniform() - 1);
    const norm = Math.hypot(...row);
    for (let i = 0; i < LENGTH; i++) data[start + i] = row[i] / norm;
  }
  return data;
}

/** Returns the share of equal neighbours, and of different ones with equal scores; throws for any other difference. */
function compareFound(folder, { k }) {
  const read = (side, type) => {
    const bytes = readFileSync(join(folder, `found_${side}_${k}.${type === Int32Array ? "i32" : "f32"}`));
    return new type(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  };
  const [ours, theirs] = ["ours", "faiss"].map((side) => ({
    positions: read(side, Int32Array),
    scores: read(side, Float32Array),
  }));
  let [same, equalScore] = [0, 0];
  for (let query = 0; query < QUERIES; query++) {
    const [start, end] = [query * k, (query + 1) * k];
    const found = new Set(theirs.positions.subarray(start, end));
    const last = theirs.scores[end - 1];
    for (let rank = start; rank < end; rank++) {
      if (found.has(ours.positions[rank])) same++;
      else if (Math.abs(ours.scores[rank] - last) < EQUAL_SCORES) equalScore++;
    }
  }
  const all = QUERIES * k;
  if (same + equalScore < all)
    throw new Error(`bench: ${all - same - equalScore} of ${all} neighbours differ`);
  return { sameNeighbours: same / all, ofEqualScore: equalScore / all };
}

/** Tolerance for float32 products of the same rows, summed in another order. */
const EQUAL_SCORES = 1e-6;
