// A filtered search returns what an exact search over the matching rows returns, with a graph and without.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { pickRows, sliceRows } from "guie/dist/common/vectors";
import type { Condition } from "guie/dist/index_folder/where";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { filtersOf } from "guie/dist/serving/filtered_search";
import { indexState } from "guie/dist/serving/index_state";
import { temporaryFolder } from "../folders";

const [ROWS, LENGTH, QUERIES, K] = [3000, 16, 20, 5];

const isClass = (value: string): Condition[] => [{ column: "class", isNot: false, value }];

for (const approximate of [false, true])
  test(`rows of a half, of a rare class, of none, fewer than k (${approximate ? "a graph" : "exact"})`, async (t) => {
    const random = randomStream(5, "filtered");
    const data = Float32Array.from({ length: ROWS * LENGTH }, () => random.uniform() - 0.5);
    const vectors = { data, count: ROWS, length: LENGTH };
    const queries = sliceRows(vectors, 100, 100 + QUERIES);
    // Class 0: every second row; class 1: three rows; class 2: no row; the others: class 3.
    const labels = Array.from({ length: ROWS }, (_, row) =>
      row % 2 === 0 ? 0 : [7, 501, 2999].includes(row) ? 1 : 3,
    );
    const state = await indexState(
      {
        name: "rows",
        vectors,
        files: labels.map((_, row) => `${row}.jpg`),
        imageFolder: "/",
        labels,
        classNames: new Map([
          [0, "half"],
          [1, "rare"],
          [2, "none"],
          [3, "rest"],
        ]),
        features: { folder: join(temporaryFolder(t), "index"), identity: "rows" },
      },
      { whiten: false, approximate },
    );
    t.after(() => state.searcher.dispose());
    const rowsOf = (label: number) => Int32Array.from(labels.keys()).filter((row) => labels[row] === label);
    for (const [name, label] of [
      ["half", 0],
      ["rare", 1],
      ["rest", 3],
    ] as const) {
      const rows = rowsOf(label);
      const exact = await nearestNeighbours(queries, pickRows(vectors, rows), Math.min(K, rows.length));
      const found = await filtersOf(state).search(isClass(name), queries, K);
      let same = 0;
      for (const [query, positions] of exact.positions.entries()) {
        assert.equal(found.positions[query]!.length, positions.length);
        assert.ok([...found.positions[query]!].every((row) => labels[row] === label));
        const expected = new Set(Array.from(positions, (position) => rows[position]!));
        same += [...found.positions[query]!].filter((row) => expected.has(row)).length / positions.length;
      }
      assert.ok(same / QUERIES >= (approximate && name !== "rare" ? 0.95 : 1), `${name}: ${same / QUERIES}`);
    }
    const none = await filtersOf(state).search(isClass("none"), queries, K);
    assert.deepEqual([none.positions.length, none.positions[0]!.length], [QUERIES, 0]);
  });
