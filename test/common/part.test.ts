// How pieces of work are dealt out to parts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { takesPiece } from "guie/dist/common/files/part";

const piecesOf = (pieces: number, index: number, count: number) =>
  Array.from({ length: pieces }, (_, piece) => piece).filter((piece) => takesPiece({ index, count }, piece));

test("every piece is in exactly one part; parts differ by one piece at most", () => {
  for (const [pieces, count] of [
    [0, 3],
    [2, 5],
    [100, 1],
    [101, 7],
    [10_000, 48],
  ] as const) {
    const parts = Array.from({ length: count }, (_, i) => piecesOf(pieces, i + 1, count));
    assert.deepEqual(
      parts.flat().sort((a, b) => a - b),
      Array.from({ length: pieces }, (_, piece) => piece),
    );
    const sizes = parts.map((part) => part.length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${sizes}`);
  }
});

test("each folder of a list is spread over all parts, and a list that repeats gives none of them one kind only", () => {
  for (let index = 1; index <= 4; index++) {
    const mine = piecesOf(4000, index, 4);
    assert.equal(mine.filter((piece) => piece < 400).length, 100, "a folder of 400 pieces");
    const large = mine.filter((piece) => piece % 4 === 0).length; // every fourth piece is a large one
    assert.ok(Math.abs(large - 250) < 10, `part ${index} has ${large} of 1000 large pieces`);
  }
});
