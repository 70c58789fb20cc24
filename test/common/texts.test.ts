// Columns of texts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TextColumn } from "guie/dist/common/texts";

test("a column of texts gives back what was pushed, over several blocks", () => {
  const texts = Array.from({ length: 10_000 }, (_, i) =>
    i % 7 === 0 ? "" : `東方/${"é".repeat(i % 5)}${i}.jpg`,
  );
  const column = new TextColumn(texts.length);
  for (const text of texts) column.push(text);
  assert.equal(column.length, 10_000);
  assert.deepEqual([...column], texts);
  for (const row of [0, 1, 4095, 4096, 4097, 8191, 8192, 9999]) assert.equal(column.at(row), texts[row]);
  assert.deepEqual([column.at(-1), column.at(10_000)], [undefined, undefined]);
});

test("a text that repeats the previous row's is given back as well, also when a block of texts is full", () => {
  const texts = Array.from({ length: 5000 }, (_, i) => `${i}`);
  const column = new TextColumn(10_000);
  for (const text of texts) {
    column.push(text);
    column.push(text);
  }
  assert.deepEqual(
    [...column],
    texts.flatMap((text) => [text, text]),
  );
});
