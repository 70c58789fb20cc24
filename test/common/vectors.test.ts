// Rows in one flat array: each operation on three rows that can be counted by hand, and nobody else reckons places.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import {
  joinRows,
  listRows,
  pickRows,
  rowOf,
  rowsIn,
  setRows,
  sliceRows,
  stackRows,
  zeroVectors,
} from "guie/dist/common/vectors";

const three = () => rowsIn(Float32Array.of(1, 2, 3, 4, 5, 6), 3);
const plain = ({ data, count, length }: { data: Iterable<number>; count: number; length: number }) => [
  [...data],
  count,
  length,
];

test("rows are views: what is written to them is written to all", () => {
  const vectors = three();
  assert.deepEqual([...rowOf(vectors, 1)], [3, 4]);
  rowOf(vectors, 1)[0] = 9;
  sliceRows(vectors, 2).data[1] = 8;
  listRows(vectors)[0]![0] = 7;
  assert.deepEqual([...vectors.data], [7, 2, 9, 4, 5, 8]);
  assert.deepEqual([...rowOf(rowsIn(Int32Array.of(1, 2, 3, 4), 2), 1)], [3, 4]);
});

test("a slice ends with the last row", () => {
  assert.deepEqual(plain(sliceRows(three(), 1, 10)), [[3, 4, 5, 6], 2, 2]);
  assert.deepEqual(plain(sliceRows(three(), 0, 1)), [[1, 2], 1, 2]);
  assert.deepEqual(plain(sliceRows(three(), 3, 3)), [[], 0, 2]);
});

test("picked rows are copies in the order asked for, the same one as often as it is asked for", () => {
  const vectors = three();
  const picked = pickRows(vectors, [2, 0, 2]);
  assert.deepEqual(plain(picked), [[5, 6, 1, 2, 5, 6], 3, 2]);
  picked.data.fill(0);
  assert.deepEqual([...vectors.data], [1, 2, 3, 4, 5, 6]);
  assert.throws(() => pickRows(vectors, [3]), new RangeError("There are 3 rows; row 3 was asked for."));
  assert.deepEqual(plain(pickRows(vectors, [])), [[], 0, 2]);
});

test("rows are written, stacked and joined one behind the other", () => {
  const vectors = zeroVectors(3, 2);
  setRows(vectors, 1, [1, 2, 3, 4]);
  assert.deepEqual([...vectors.data], [0, 0, 1, 2, 3, 4]);
  assert.deepEqual(plain(stackRows([[1, 2], Float32Array.of(3, 4)], 2)), [[1, 2, 3, 4], 2, 2]);
  assert.deepEqual(plain(stackRows([], 2)), [[], 0, 2]);
  const parts = [sliceRows(three(), 1), sliceRows(three(), 0, 1)];
  assert.deepEqual(plain(joinRows(parts, 2)), [[3, 4, 5, 6, 1, 2], 3, 2]);
  assert.equal(joinRows(parts.slice(0, 1), 2), parts[0]);
  assert.deepEqual(plain(joinRows([], 2)), [[], 0, 2]);
});

/** Pixels and bytes are no vectors; in the innermost loop of a search, a view of each row costs too much. */
const OTHER_ARRAYS =
  /^(images|formats|engine|datasets|inspection)\/|^common\/vectors\.ts$|^retrieval\/metric\.ts$/;
/** `.subarray(row * length ...)`, `.set(values, row * length)`, `data[row * length + i]`; not tfjs's `tf.slice`. */
const ROW_ARITHMETIC =
  /(?<!\btf)\.(subarray|slice|copyWithin)\(\(?[\w.#![\] +-]+\)? \* |\.set\([^;\n"]*, [^;\n"]* \* |\b(data|values)\[[^\]\n]* \* [\w.#]*length\b/;

test("no other file of lib reckons where a row begins", () => {
  const lib = installPath("lib");
  const sources = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file) && !OTHER_ARRAYS.test(file),
  );
  assert.ok(sources.length > 250, `${sources.length} files: the test reads too few`);
  const byHand = sources.flatMap((file) =>
    readFileSync(join(lib, file), "utf8")
      .split("\n")
      .flatMap((line, i) => (ROW_ARITHMETIC.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(byHand, []);
  for (const line of [
    "x.subarray(rows[i]! * length, (row + 1) * length)",
    "x.subarray((row + 1) * this.#length)",
    "x.set(y, i * length)",
    "data[i * length + j]",
  ])
    assert.match(line, ROW_ARITHMETIC);
});
