// `npm run bench rerank [WORD]`: the numbers of re-ranking on training classes of the demo, which no report is about: two
// images of a class are queries, its others the index. Vectors: the backbone's, whitened by the index.
import { pickLabels } from "guie/dist/common/labels.js";
import { randomStream } from "guie/dist/common/random.js";
import { pickRows } from "guie/dist/common/vectors.js";
import { preset } from "guie/dist/config/presets.js";
import { readTrainImages, trainFeatures } from "guie/dist/experiments/transform_rungs.js";
import { scoreRetrieval } from "guie/dist/retrieval/metrics.js";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours.js";
import { reduceRows } from "guie/dist/retrieval/reduction.js";
import { augmentRows, withExpandedQueries } from "guie/dist/retrieval/reranking/expansion.js";
import { withKReciprocal } from "guie/dist/retrieval/reranking/k_reciprocal.js";
import { prepareRows } from "guie/dist/retrieval/reranking/methods.js";
import { row } from "../shared/report.mjs";

const QUERIES_OF_A_CLASS = 2;
const INDEX_OF_A_CLASS = 8;
const CLASSES = 150;
const K = 10;

/** Measures every case with `word` in its name. */
export async function bench(word = "") {
  const { queries, index, queryLabels, indexLabels } = await readSets();
  const { vectors, whitening } = await prepareRows(index, ["whiten"]);
  const asked = reduceRows(queries, whitening);
  const exact = (rows) => ({ ...rows, search: (some, k) => nearestNeighbours(some, rows, k) });
  const score = async (title, searched) => {
    if (!title.includes(word)) return;
    const { positions } = await (await searched()).search(asked, K);
    const { mp5 } = scoreRetrieval(positions, queryLabels, indexLabels);
    row({ bench: "rerank", case: title, ours: mp5, unit: "mP@5", peer: null });
  };
  await score("plain", () => exact(vectors));
  for (const neighbours of [1, 2, 3, 5, 8])
    for (const power of [0, 1, 3, 6]) {
      const expansion = { neighbours, power };
      const name = `n ${neighbours}, alpha ${power}`;
      await score(`qe ${name}`, () => withExpandedQueries(exact(vectors), vectors, expansion));
      await score(`dba ${name}`, async () => exact(await augmentRows(vectors, expansion)));
    }
  for (const [k1, k2] of [
    [6, 3],
    [10, 3],
    [10, 6],
    [20, 6],
  ])
    for (const lambda of [0.1, 0.3, 0.5]) {
      const numbers = { k1, k2, lambda, shortlist: 100 };
      await score(`k_reciprocal k1 ${k1}, k2 ${k2}, lambda ${lambda}`, () =>
        withKReciprocal(exact(vectors), vectors, numbers),
      );
    }
}

/** Draws classes of the demo's training images, and their queries and index. */
async function readSets() {
  const config = preset("demo", "frozen");
  const train = await readTrainImages(config);
  const features = await trainFeatures(config, { train });
  const random = randomStream(1, "classes to choose re-ranking by");
  const rowsOf = new Map();
  for (const [i, label] of Array.from(train.labels).entries())
    rowsOf.set(label, [...(rowsOf.get(label) ?? []), i]);
  const some = random.shuffle([...rowsOf.values()].filter((rows) => new Set(rows).size > QUERIES_OF_A_CLASS));
  const drawn = some.slice(0, CLASSES).map((rows) => random.shuffle([...rows]));
  const queryRows = drawn.flatMap((rows) => rows.slice(0, QUERIES_OF_A_CLASS));
  const indexRows = drawn.flatMap((rows) =>
    rows.slice(QUERIES_OF_A_CLASS, QUERIES_OF_A_CLASS + INDEX_OF_A_CLASS),
  );
  return {
    queries: pickRows(features, queryRows),
    index: pickRows(features, indexRows),
    queryLabels: pickLabels(train.labels, queryRows),
    indexLabels: pickLabels(train.labels, indexRows),
  };
}
