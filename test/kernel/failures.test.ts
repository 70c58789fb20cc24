// Failing cells and thrown values.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { contents, runCells } from "./drive";

const FAILS = `throw new RangeError("mine");`;
const BUSY = `{ const end = Date.now() + 300; while (Date.now() < end); }\n${FAILS}`;

/** Thrown value: the name and message that a notebook shows in one line. */
const THROWN: [code: string, name: string, message: string][] = [
  [FAILS, "RangeError", "mine"],
  [`await null; throw new RangeError("later");`, "RangeError", "later"],
  [`null.x;`, "TypeScript", "1:1 - The value 'null' cannot be used here."],
  [`(null as any).x;`, "TypeError", "Cannot read properties of null (reading 'x')"],
  [`throw new Error("two\\nlines");`, "Error", "two\nlines"],
  [`throw new Error("outer", { cause: new Error("inner") });`, "Error", "outer"],
  [`await Promise.any([Promise.reject(new Error("a"))]);`, "AggregateError", "All promises were rejected"],
  [`throw new AggregateError([new Error("a"), new Error("b")], "both");`, "AggregateError", "both"],
  [`class Own extends Error { name = "Own"; }\nthrow new Own("kind");`, "Own", "kind"],
  [`decodeURIComponent("%");`, "URIError", "URI malformed"],
  [`throw "text";`, "Error", "text"],
  [`throw undefined;`, "Error", "undefined"],
  [`throw { code: 3 };`, "Error", "{ code: 3 }"],
  [`throw new Error();`, "Error", ""],
];

test("waiting cells are aborted after a failure if it asked for that; later cells, and those told to continue, run", () => {
  const cells = [
    { code: `console.log("in line");`, sentAfter: BUSY },
    `console.log("at once");`,
    { code: `console.log("goes on");`, sentAfter: BUSY, goOn: true },
    ...THROWN.map(([code]) => code),
    `1 + 1`,
  ];
  const [inLine, atOnce, goesOn, ...thrown] = runCells(installPath("scripts"), cells);
  assert.deepEqual([inLine!.status, inLine!.text], ["aborted", ""]);
  assert.deepEqual([atOnce!.status, atOnce!.text], ["ok", "at once\n"]);
  assert.deepEqual([goesOn!.status, goesOn!.text], ["ok", "goes on\n"]);
  assert.equal(thrown.pop()!.result, "2");
  const shown = thrown.map((outcome) => {
    const { ename, evalue } = outcome.reply as Record<string, string>;
    assert.equal(contents(outcome, "error")[0]!.evalue, evalue);
    return [ename, evalue];
  });
  assert.deepEqual(
    shown,
    THROWN.map(([, name, message]) => [name, message]),
  );
  // causes, and the errors of an AggregateError, are on the lines below
  assert.match(thrown[5]!.error, /^Error: outer\n[\s\S]*\[cause\]: Error: inner/);
  assert.match(thrown[7]!.error, /^AggregateError: both\n[\s\S]*Error: a[\s\S]*Error: b/);
});
