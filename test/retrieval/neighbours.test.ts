// Exact search against a brute-force one, by cosine and by Euclidean distance.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { floatsOf } from "guie/dist/engine/native/dtypes";
import { liveHandles } from "guie/dist/engine/native/handles";
import { exactSearch } from "guie/dist/retrieval/exact_search";
import type { Metric } from "guie/dist/retrieval/nearness";
import { nearestByDistance, nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { type RowSource, rowSource } from "guie/dist/retrieval/row_source";
import * as scoreGraphs from "guie/dist/retrieval/score_graph";

/** Returns rows of normally distributed numbers. */
function randomRows(name: string, count: number, length: number): Vectors {
  const random = randomStream(1, "neighbours", name);
  return { data: Float32Array.from({ length: count * length }, () => random.normal()), count, length };
}

const rowsOf = (...rows: number[][]): Vectors => ({
  data: Float32Array.from(rows.flat()),
  count: rows.length,
  length: rows[0]!.length,
});

const rowAt = ({ data, length }: Vectors, row: number) =>
  Array.from(data.subarray(row * length, (row + 1) * length));

/** Returns the nearest by scoring every pair in float64 and sorting; ties by the lower position. */
function bruteForce(queries: Vectors, index: Vectors, k: number, metric: Metric, own = -1): number[][] {
  return Array.from({ length: queries.count }, (_, query) => {
    const q = rowAt(queries, query);
    const scored = Array.from({ length: index.count }, (_, position) => {
      const x = rowAt(index, position);
      const dot = q.reduce((sum, value, i) => sum + value * x[i]!, 0);
      const score =
        metric === "cosine"
          ? dot / (Math.hypot(...q) * Math.hypot(...x))
          : -Math.hypot(...q.map((value, i) => value - x[i]!));
      return { position, score };
    }).filter(({ position }) => own < 0 || position !== query);
    scored.sort((a, b) => b.score - a.score || a.position - b.position);
    return scored.slice(0, k).map(({ position }) => position);
  });
}

const lists = (positions: Int32Array, k: number, count: number) =>
  Array.from({ length: count }, (_, query) => Array.from(positions.subarray(query * k, (query + 1) * k)));

test("cosine compares angles, distance compares places: an example by hand", async () => {
  const queries = rowsOf([1, 0]);
  const index = rowsOf([10, 1], [1, 0.5], [0, 1], [-1, 0]);
  const byCosine = await nearestNeighbours(queries, index, 4);
  assert.deepEqual(byCosine.positions, [Int32Array.of(0, 1, 2, 3)]);
  assert.deepEqual(byCosine.cosines, [Float32Array.of(10 / Math.sqrt(101), 1 / Math.sqrt(1.25), 0, -1)]);
  const byDistance = await nearestByDistance(queries, index, 4);
  assert.deepEqual(byDistance.positions, [Int32Array.of(1, 2, 3, 0)]);
  assert.deepEqual(byDistance.distances, [Float32Array.of(0.5, Math.SQRT2, 2, Math.sqrt(82))]);
});

test("neighbours equal the brute-force ones, for any k and block size, with and without the query itself", async () => {
  const queries = randomRows("queries", 37, 12);
  const index = randomRows("index", 500, 12);
  for (const metric of ["cosine", "euclidean"] as const) {
    for (const [k, rowsPerBlock] of [
      [1, 500],
      [5, 128],
      [5, 97],
      [100, 130],
      [100, 500],
    ] as const) {
      const search = { queries: rowSource(queries), index: rowSource(index), k, metric, rowsPerBlock };
      const { positions } = await exactSearch(search);
      const label = `${metric}, k ${k}, blocks of ${rowsPerBlock}`;
      assert.deepEqual(lists(positions, k, 37), bruteForce(queries, index, k, metric), label);
    }
    const own = Int32Array.from({ length: 500 }, (_, i) => i);
    const source = rowSource(index);
    const search = { queries: source, index: source, k: 7, metric, ownPositions: own, rowsPerBlock: 200 };
    const { positions } = await exactSearch(search);
    assert.deepEqual(
      lists(positions, 7, 500),
      bruteForce(index, index, 7, metric, 0),
      `${metric}, without itself`,
    );
  }
});

test("queries may exceed one run; rows of unit length", async () => {
  const raw = randomRows("many", 1300, 8);
  const data = raw.data.map((value, i) => value / Math.hypot(...rowAt(raw, Math.floor(i / 8))));
  const unit = { ...raw, data };
  const [{ positions, cosines }, distant] = [
    await nearestNeighbours(unit, unit, 3, { own: "same" }),
    await nearestByDistance(unit, unit, 3, { own: "same" }),
  ];
  assert.deepEqual(
    positions.map((list) => Array.from(list)),
    bruteForce(unit, unit, 3, "cosine", 0),
  );
  assert.deepEqual(distant.positions, positions);
  for (const [query, list] of cosines.entries()) {
    for (const [rank, cosine] of list.entries()) {
      const squared = distant.distances[query]![rank]! ** 2;
      assert.ok(Math.abs(squared - (2 - 2 * cosine)) < 1e-6, "for unit vectors, d^2 = 2 - 2 cos");
    }
  }
});

test("many queries and rows: runs with tiles, blocks with slabs", async () => {
  const [queries, index] = [randomRows("many queries", 1300, 8), randomRows("many rows", 4500, 8)];
  const sources = { queries: rowSource(queries), index: rowSource(index) };
  const some = Array.from({ length: 26 }, (_, i) => i * 50 + (i % 2));
  const few = rowsOf(...some.map((query) => rowAt(queries, query)));
  for (const metric of ["cosine", "euclidean"] as const) {
    for (const k of [3, 300]) {
      const found = lists((await exactSearch({ ...sources, k, metric })).positions, k, 1300);
      const label = `${metric}, k ${k}`;
      assert.deepEqual(
        some.map((query) => found[query]),
        bruteForce(few, index, k, metric),
        label,
      );
    }
  }
});

test("rows of the index may be sorted by nearness, ascending or descending", async () => {
  const rows = Array.from({ length: 2000 }, (_, row) => [Math.cos(row / 2000), Math.sin(row / 2000)]);
  const query = rowSource(rowsOf([Math.cos(1), Math.sin(1)], [1, 0]));
  for (const metric of ["cosine", "euclidean"] as const) {
    const search = { queries: query, index: rowSource(rowsOf(...rows)), k: 4, metric, rowsPerBlock: 256 };
    const { positions } = await exactSearch(search);
    assert.deepEqual(lists(positions, 4, 2), [
      [1999, 1998, 1997, 1996],
      [0, 1, 2, 3],
    ]);
  }
});

test("equal rows are sorted by position, wherever they are in the index", async () => {
  const one = randomRows("one", 1, 64);
  const index = randomRows("others", 900, 64);
  const copies = [3, 4, 130, 131, 300, 555, 556, 557, 898];
  for (const copy of copies) index.data.set(one.data, copy * 64);
  const sources = { queries: rowSource(one), index: rowSource(index) };
  for (const metric of ["cosine", "euclidean"] as const) {
    for (const rowsPerBlock of [64, 128, 900]) {
      const { positions } = await exactSearch({ ...sources, metric, k: 6, rowsPerBlock });
      assert.deepEqual(Array.from(positions), copies.slice(0, 6), `${metric}, blocks of ${rowsPerBlock}`);
      const ownPositions = [130];
      const others = await exactSearch({ ...sources, metric, k: 8, rowsPerBlock, ownPositions });
      assert.deepEqual(
        Array.from(others.positions),
        copies.filter((copy) => copy !== 130),
      );
    }
  }
});

test("distances are exact far from the origin, where float32 products lose them", async () => {
  const index = randomRows("far", 300, 16);
  for (let i = 0; i < index.data.length; i++) index.data[i]! += 5000;
  const { positions, distances } = await nearestByDistance(index, index, 4);
  assert.deepEqual(
    positions.map((list) => Array.from(list)),
    bruteForce(index, index, 4, "euclidean"),
  );
  assert.ok(distances.every((list) => list[0] === 0));
});

test("graphs of finished searches are kept for others, at most four", async () => {
  const search = (rows: number) => nearestNeighbours(randomRows("q", 3, 4), randomRows("r", rows, 4), 2);
  const graphs = () => liveHandles().graph ?? 0;
  for (let rows = 10; rows < 80; rows += 10) await search(rows);
  const kept = graphs();
  assert.ok(kept <= 4, String(kept));
  await Promise.all([search(70), search(70), search(90)]);
  assert.equal(graphs(), kept);
});

test("an index on disk is read in blocks, each of them once", async () => {
  const index = randomRows("disk", 1000, 8);
  const read: [number, number][] = [];
  const source: RowSource = {
    count: 1000,
    length: 8,
    block: async (start, end) => {
      read.push([start, end]);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return index.data.slice(start * 8, end * 8);
    },
  };
  const queries = rowSource(randomRows("queries", 10, 8));
  const search = { queries, index: source, k: 5, metric: "cosine", rowsPerBlock: 256 } as const;
  const { positions } = await exactSearch(search);
  const inMemory = await exactSearch({ ...search, index: rowSource(index) });
  assert.deepEqual(positions, inMemory.positions);
  assert.deepEqual(
    read.map(([start]) => start),
    [0, ...read.slice(0, -1).map(([, end]) => end)],
  );
  assert.equal(read.at(-1)![1], 1000);
  assert.ok(read.length > 3);
});

test("rows in shards give the same neighbours, also across the shards' borders", async () => {
  const all = randomRows("shards", 50, 4);
  const counts = [20, 1, 29];
  const starts = [0, 20, 21];
  const source = rowSource({
    count: 50,
    length: 4,
    shards: counts.map((count) => ({ count })),
    readShard: (shard) => {
      const start = starts[shard]! * 4;
      return { data: all.data.slice(start, start + counts[shard]! * 4), count: counts[shard]!, length: 4 };
    },
  });
  for (const [start, end] of [
    [0, 50],
    [19, 22],
    [21, 50],
    [5, 6],
  ] as const)
    assert.deepEqual(await source.block(start, end), all.data.slice(start * 4, end * 4));
});

test("an index may have few rows, none, or rows of zeros", async () => {
  const queries = rowsOf([1, 0], [0, 0]);
  const three = await nearestNeighbours(queries, rowsOf([0, 0], [0, 1], [1, 1]), 5);
  assert.deepEqual(three.positions, [Int32Array.of(2, 0, 1), Int32Array.of(0, 1, 2)]);
  const none = await nearestNeighbours(queries, { data: new Float32Array(0), count: 0, length: 2 }, 5);
  assert.deepEqual(none.positions, [new Int32Array(0), new Int32Array(0)]);
  const nobody = await nearestNeighbours({ data: new Float32Array(0), count: 0, length: 2 }, queries, 5);
  assert.deepEqual(nobody.positions, []);
});

test("rows that cannot be searched are refused with a reason, and leak no memory", async () => {
  const rows = rowsOf([1, 0], [0, 1]);
  await nearestNeighbours(rows, rows, 1); // its graph is kept
  const before = liveHandles();
  const bad = rowsOf([1, 0], [Number.NaN, 1]);
  await assert.rejects(nearestNeighbours(rows, bad, 1), /Row 1 of the index holds NaN at place 0/);
  await assert.rejects(nearestNeighbours(bad, rows, 1), /Query 1 holds NaN/);
  await assert.rejects(nearestByDistance(rows, bad, 1), /Row 1 of the index holds NaN at place 0/);
  await assert.rejects(nearestByDistance(bad, rows, 1), /Query 1 holds NaN/);
  await assert.rejects(
    nearestNeighbours(rows, rowsOf([1, 2, 3]), 1),
    /Queries have 2 numbers per row, the index has 3/,
  );
  await assert.rejects(nearestNeighbours(rows, rows, 0), /k, the number of neighbours.*got 0/);
  await assert.rejects(nearestNeighbours(rows, rows, 1, { own: [0] }), /each of 2 queries, got 1/);
  const cut = { ...rows, count: 3 };
  await assert.rejects(nearestNeighbours(rows, cut, 1), /Expected 3 rows of 2 numbers: 6 in total, got 4/);
  await nearestNeighbours(rows, rows, 1);
  assert.deepEqual(liveHandles(), before);
});

test("Euclidean neighbours and distances do not depend on the unit: rows times 1e-30 .. 1e30", async () => {
  const random = randomStream(3, "units");
  const draw = (count: number, unit: number) =>
    rowsOf(...Array.from({ length: count }, () => Array.from({ length: 8 }, () => unit * random.normal())));
  for (const unit of [1e-38, 1e-30, 1e-19, 1e-12, 1, 1e12, 1e30]) {
    const [queries, index] = [draw(5, unit), draw(200, unit)];
    const { positions, distances } = await nearestByDistance(queries, index, 4);
    for (let query = 0; query < 5; query++) {
      const all = Array.from({ length: 200 }, (_, row) => {
        let square = 0;
        for (let i = 0; i < 8; i++) square += (queries.data[8 * query + i]! - index.data[8 * row + i]!) ** 2;
        return { row, distance: Math.sqrt(square) };
      }).sort((a, b) => a.distance - b.distance);
      assert.deepEqual(
        [...positions[query]!],
        all.slice(0, 4).map(({ row }) => row),
        `unit ${unit}`,
      );
      for (const [i, distance] of distances[query]!.entries())
        assert.ok(Math.abs(distance / all[i]!.distance - 1) < 1e-5, `unit ${unit}`);
    }
  }
});

test("a block is searched with what the blocks before it have found: the engine returns few of its rows", async (t) => {
  const { takeScoreGraph } = scoreGraphs;
  let returned = 0;
  t.mock.method(scoreGraphs, "takeScoreGraph", (shape: scoreGraphs.ScoreGraphShape) => {
    const graph = takeScoreGraph(shape);
    const run: typeof graph.run = async (inputs) => {
      const found = await graph.run(inputs);
      returned += floatsOf(found.scores).length;
      return found;
    };
    return { ...graph, run };
  });
  const [queries, index] = [randomRows("few queries", 500, 16), randomRows("blocks", 16_000, 16)];
  const search = { queries: rowSource(queries), index: rowSource(index), k: 5, rowsPerBlock: 4000 };
  await exactSearch({ ...search, metric: "cosine" });
  // A row of block b + 1 is among the best 5 so far with a chance of 5 / (4000 b): 9.2 a query in blocks 2 to 4. The
  // first block gives some 10. All rows of one block would be 4,000 a query.
  const perQuery = returned / queries.count;
  assert.ok(perQuery > 5 && perQuery < 100, `${perQuery} rows a query`);
});
