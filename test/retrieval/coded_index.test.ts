// Indices of coded rows: levels, codes, and neighbours against the exact search.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { rowOf, sliceRows, type Vectors } from "guie/dist/common/vectors";
import { recallOf } from "guie/dist/retrieval/approximate";
import { readCodes, writeCodes } from "guie/dist/retrieval/coded/code_file";
import { codedIndex, codeRows } from "guie/dist/retrieval/coded/coded_index";
import { CODE_BITS, codeBytes, encodeRows, fitLevels, productTable } from "guie/dist/retrieval/coded/levels";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { temporaryFolder } from "../folders";

function clusteredRows(count: number, length: number): Vectors {
  const random = randomStream(1, "coded rows");
  const centres = Array.from({ length: 50 * length }, () => random.normal());
  const data = Float32Array.from(
    { length: count * length },
    (_, i) => centres[(Math.floor(i / length) % 50) * length + (i % length)]! + 0.7 * random.normal(),
  );
  return { data, count, length };
}

test("levels of two values are these values, and a code says which", () => {
  const sample: Vectors = { data: Float32Array.of(-1, 5, 3, 5, -1, 9, 3, 9), count: 4, length: 2 };
  const levels = fitLevels(sample, 1);
  assert.deepEqual([...levels.values], [-1, 3, 5, 9]);
  assert.deepEqual([...levels.borders], [1, 7]);
  const codes = new Uint8Array(4);
  encodeRows(sample, levels, codes);
  assert.deepEqual([...codes], [0, 1, 2, 3]); // the first number in the lowest bit
  const table = productTable(Float32Array.of(10, 1), levels);
  assert.deepEqual(
    [...codes].map((code) => table[code]),
    [-5, 35, -1, 39],
  );
});

test("products from a table are those with the levels of a row, for every number of bits", () => {
  const rows = clusteredRows(200, 13);
  const query = rowOf(rows, 7);
  for (const bits of CODE_BITS) {
    const levels = fitLevels(rows, bits);
    const bytes = codeBytes(levels);
    assert.equal(bytes, Math.ceil((13 * bits) / 8));
    const codes = new Uint8Array(rows.count * bytes);
    encodeRows(rows, levels, codes);
    const table = productTable(query, levels);
    for (const row of [0, 66, 199]) {
      const fromTable = Array.from({ length: bytes }, (_, b) => table[b * 256 + codes[row * bytes + b]!]!);
      const nearest = Array.from(rowOf(rows, row), (value, d) => {
        const own = levels.values.subarray(d * 2 ** bits, (d + 1) * 2 ** bits);
        return own.reduce((best, level) => (Math.abs(level - value) < Math.abs(best - value) ? level : best));
      });
      const product = nearest.reduce((sum, level, d) => sum + level * query[d]!, 0);
      assert.ok(Math.abs(fromTable.reduce((sum, value) => sum + value) - product) < 1e-4);
    }
  }
});

test("a short list of all rows gives the exact neighbours; more bits find more with a shorter one", async () => {
  const rows = clusteredRows(5_000, 32);
  const queries = sliceRows(clusteredRows(60, 32), 10, 60);
  const exact = await nearestNeighbours(queries, rows, 10);
  const recalls: number[] = [];
  for (const bits of CODE_BITS) {
    const codes = await codeRows(rows, bits);
    const whole = await codedIndex(codes, (row) => rowOf(rows, row), { shortlist: rows.count }).search(
      queries,
      10,
    );
    assert.deepEqual(whole.positions, exact.positions);
    const short = await codedIndex(codes, (row) => rowOf(rows, row), { shortlist: 20 }).search(queries, 10);
    recalls.push(recallOf(short, exact));
  }
  assert.deepEqual(
    recalls,
    [...recalls].sort((a, b) => a - b),
    `${recalls}`,
  );
  assert.ok(recalls.at(-1)! > 0.99, `8 bits: ${recalls}`);
});

test("rows that are not finite and queries of another length are refused", async () => {
  const rows = clusteredRows(100, 4);
  const broken = { ...rows, data: rows.data.map((value, i) => (i === 17 ? Number.NaN : value)) };
  await assert.rejects(() => codeRows(broken, 4), /Row 4 of the index holds NaN/);
  const index = codedIndex(await codeRows(rows, 4), (row) => rowOf(rows, row));
  await assert.rejects(() => index.search(clusteredRows(1, 5), 3), /5 numbers per row, the index has 4/);
});

test("codes come back from their file as they were, and a damaged file or one of other rows is none", async (t) => {
  const rows = clusteredRows(300, 5);
  const path = join(temporaryFolder(t), "codes.bin");
  for (const bits of CODE_BITS) {
    const codes = await codeRows(rows, bits);
    writeCodes(path, codes);
    const file = readFileSync(path);
    assert.equal(file.length, 4 * 5 * 2 ** bits + 300 * Math.ceil((5 * bits) / 8) + 4);
    const read = readCodes(path, { bits, count: 300, length: 5 })!;
    assert.deepEqual(read.levels, codes.levels);
    assert.deepEqual([...read.codes], [...codes.codes]);
    assert.equal(readCodes(path, { bits, count: 299, length: 5 }), undefined);
    file[file.length - 7]! ^= 1;
    writeFileSync(path, file);
    assert.equal(readCodes(path, { bits, count: 300, length: 5 }), undefined);
  }
  assert.equal(readCodes(`${path}.none`, { bits: 2, count: 300, length: 5 }), undefined);
});
