// Re-ranking against NumPy (test/golden/make_rerank.py), and what holds for any rows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { listRows, rowsIn, sliceRows, type Vectors, zeroVectors } from "guie/dist/common/vectors";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { augmentRows, expandRows } from "guie/dist/retrieval/reranking/expansion";
import { type KReciprocal, withKReciprocal } from "guie/dist/retrieval/reranking/k_reciprocal";
import { parseReranking, RERANK_NAMES, rerankedSearch } from "guie/dist/retrieval/reranking/methods";
import { residentIndex, type SearchIndex } from "guie/dist/retrieval/resident_index";

interface Reference {
  index: number[];
  queries: number[];
  length: number;
  expanded: number[];
  averaged: number[];
  augmented: number[];
  numbers: KReciprocal;
  k_reciprocal: number[][];
}

const golden = JSON.parse(readFileSync(installPath("test/golden/rerank.json"), "utf8")) as Reference;
const rowsOf = (numbers: readonly number[]) =>
  rowsIn(Float32Array.from(numbers), numbers.length / golden.length);
const [index, queries] = [rowsOf(golden.index), rowsOf(golden.queries)];

function assertNear(found: Vectors, expected: readonly number[]): void {
  assert.equal(found.data.length, expected.length);
  const gap = Math.max(...found.data.map((value, i) => Math.abs(value - expected[i]!)));
  assert.ok(gap < 1e-6, `largest difference ${gap}`);
}

test("expanded queries and augmented rows are those of NumPy", async () => {
  const found = await nearestNeighbours(queries, index, 5);
  assertNear(expandRows(queries, found, index, { neighbours: 3, power: 3 }), golden.expanded);
  assertNear(expandRows(queries, found, index, { neighbours: 3, power: 0 }), golden.averaged);
  assertNear(await augmentRows(index, { neighbours: 3, power: 3 }), golden.augmented);
});

test("k-reciprocal re-ranking gives the order of the paper's steps, over an index of any kind", async () => {
  const exact: SearchIndex = { ...index, search: (some, k) => nearestNeighbours(some, index, k) };
  const resident = await residentIndex(index);
  try {
    for (const searched of [exact, resident]) {
      const reranked = await withKReciprocal(searched, index, golden.numbers);
      const { positions } = await reranked.search(queries, 30);
      assert.deepEqual(
        positions.map((list) => [...list]),
        golden.k_reciprocal,
      );
    }
  } finally {
    resident.dispose();
  }
  const plain = await exact.search(queries, 30);
  assert.notDeepEqual(
    plain.positions.map((list) => [...list]),
    golden.k_reciprocal,
  );
});

test("a query's results do not depend on the other queries", async () => {
  for (const name of RERANK_NAMES) {
    const { search } = await rerankedSearch(index, [name]);
    const together = await search(queries, 5);
    const alone = await search(sliceRows(queries, 3, 4), 5);
    assert.deepEqual(alone.positions[0], together.positions[3], name);
  }
});

test("few rows, equal rows and rows of zeros are searched by every method", async () => {
  const few = sliceRows(index, 0, 2);
  const equal: Vectors = { ...index, data: index.data.map((_, i) => index.data[i % index.length]!) };
  const zeros = zeroVectors(20, index.length);
  for (const rows of [few, equal, zeros]) {
    for (const name of RERANK_NAMES) {
      const { search } = await rerankedSearch(rows, [name]);
      const { positions } = await search(sliceRows(queries, 0, 2), 5);
      assert.deepEqual(
        positions.map((list) => new Set(list).size),
        [Math.min(5, rows.count), Math.min(5, rows.count)],
        `${name}, ${rows.count} rows`,
      );
    }
  }
  const { search } = await rerankedSearch(index, ["whiten", "dba", "alpha_qe", "k_reciprocal"]);
  assert.equal(listRows(queries).length, (await search(queries, 5)).positions.length);
});

test("methods are named in any order, and applied in one", () => {
  assert.deepEqual(parseReranking("k_reciprocal+whiten"), ["whiten", "k_reciprocal"]);
  assert.deepEqual(parseReranking("none"), []);
  assert.throws(() => parseReranking("whitten"), /Did you mean "whiten"/);
  assert.throws(() => parseReranking("qe+alpha_qe"), /two kinds/);
});
