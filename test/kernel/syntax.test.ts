// Syntax of cells: await in every place, newer TypeScript, unsupported syntax.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { runCells } from "./drive";

interface CellSource {
  prepareCell(cell: string): { source: string; awaits: boolean; refused: { messageText: string }[] };
}

const { prepareCell } = require(installPath("scripts", "kernel", "cell_source.js")) as CellSource;

/** Declarations for the cells below. */
const NAMES = `const p = Promise.resolve({ f: async () => 2, g: async () => async () => 3, k: "key", list: [1] });
const value = async (x: any = 1): Promise<any> => x;
const tag = (_: TemplateStringsArray, x: number) => x;
async function* count() { yield 1; yield 2; }`;

/** Every position of `await` in the grammar of expressions, statements, classes and functions. */
const PLACES = [
  `const a = await (await p).f();`,
  `(await (await p).f());`,
  `await (await (await p).g())();`,
  `console.log(await value(), await value());`,
  `value(await value());`,
  `new (await value(Map))();`,
  `[await value(), ...(await p).list];`,
  `({ a: await value(), [await value("b")]: 1, ...(await p) });`,
  `\`\${await value()}\`;`,
  `tag\`\${await value()}\`;`,
  `(await p).k;`,
  `(await p)?.f?.();`,
  `(await p)["k"];`,
  `(await value(2)) ** 2;`,
  `-(await value());`,
  `!(await value());`,
  `typeof (await value());`,
  `void (await value());`,
  `(await value()) + (await value());`,
  `(await value()) ? await value(2) : await value(3);`,
  `(await p).k ?? "none";`,
  `(await value(), await value());`,
  `let c = 0; c += await value();`,
  `const { d = await value() } = {};`,
  `const { [String(await value("k"))]: e } = await value(p);`,
  `const [g = await value()] = [];`,
  `import(await value("fs"));`,
  `if (await value()) await value(); else await value();`,
  `for (let i = await value(); i < await value(3); i += await value()) {}`,
  `for (const x of await value([1])) await value(x);`,
  `for (const x in await p) await value(x);`,
  `for await (const x of count()) { if (x > 1) break; }`,
  `for await (const x of [value()]) await value(x);`,
  `while (!(await value())) {}`,
  `do {} while (!(await value()));`,
  `switch (await value()) { case await value(): await value(); }`,
  `try { await value(); } catch { await value(); } finally { await value(); }`,
  `try { throw await value(); } catch {}`,
  `outer: { await value(); break outer; }`,
  `class A extends (await value(Object)) {}`,
  `class B { [await value("m")]() {} }`,
  `class C { static [await value("n")]() {} }`,
  `({ async [await value("m")]() {} });`,
  `const later = async () => await value();`,
  `async function later2() { for await (const x of count()) await value(x); }`,
  `class D { async m() { await value(); } }`,
  `({ async m() { await value(); } });`,
  `async () => { class E { [await value("m")]() {} } };`,
  `class F { static k = async () => await value(); }`,
  `async function* all() { yield await value(); }`,
  `"await value()"; // await value()`,
];

const AsyncFunction = (async () => {}).constructor as FunctionConstructor;

/** Returns true if V8 accepts code only within an async function. */
function needsAsync(code: string): boolean {
  new AsyncFunction(code);
  try {
    new Function(code);
    return false;
  } catch {
    return true;
  }
}

test("await is found in every position of the grammar, as in V8, but not inside functions", () => {
  const seen = PLACES.map((code) => [code, prepareCell(code).awaits]);
  assert.deepEqual(
    seen,
    PLACES.map((code) => [code, needsAsync(code)]),
  );
});

/** Syntax of newer TypeScript or of files, with the expected output. */
const SPOKEN: [code: string, shown: string][] = [
  [`export const x = 1, y = 2;\nexport function twice(n: number) { return 2 * n; }\nexport { y };`, ""],
  [`export default class Thing { n = x; }\nexport type Size = number;\nexport enum Side { left }`, ""],
  [`const size: Size = twice(new Thing().n + y + Side.left);\nsize`, "6"],
  [
    `import path = require("path");\npath.basename(__dirname) + " " + path.basename(__filename)`,
    "scripts cell.js",
  ],
  [`const before = 1\nexport default { before }`, "{ before: 1 }"],
  [`import { pathToFileURL } from "url";\nimport.meta.url === pathToFileURL(__filename).href`, "true"],
  [`import pkg from "../package.json" with { type: "json" };\npkg.name`, "universal-image-embedding"],
  // shorthand properties with names of earlier cells
  [`const { left, right } = { left: 1, right: 2 };\nlet changed = 0;`, ""],
  [`JSON.stringify(await Promise.resolve({ left, right, own: 3 }))`, '{"left":1,"right":2,"own":3}'],
  [
    `const inner = 5;\n[1].map((item) => ({ item, deep: { right, inner } }))`,
    "[ { item: 1, deep: { right: 2, inner: 5 } } ]",
  ],
  [`({ changed = 7 } = {} as { changed?: number });\nchanged`, "7"],
  // for await
  [`let sum = 0;\nfor await (const i of count()) {\n  sum += i;\n}`, ""],
  [`sum + 1`, "4"],
];

const REFUSED: [code: string, words: RegExp][] = [
  [`let n = 1;\nusing file = open();`, /^2:1 - `using` needs TypeScript 5\.2; .*\n {2}Next: write const x/],
  [`{ await using file = open(); }`, /^1:3 - `using` needs/],
  [`export * from "fs";`, /^1:1 - a cell exports nothing.\n {2}Next: write import/],
  [`export default function () {}`, /^1:1 - a cell exports nothing.\n {2}Next: give what is exported a name/],
  [`export = 3;`, /^1:1 - a cell exports nothing.\n {2}Next: give the value a name/],
  [
    `const o = { m() { await value(); } };`,
    /^1:19 - 'await' expressions are only allowed within async functions/,
  ],
  [`export const wrong: string = 1;`, /^1:14 - Type 'number' is not assignable/],
];

test("cells with await in every position run; syntax of files and newer TypeScript runs, or is refused in words", () => {
  const codes = [NAMES, ...PLACES, ...SPOKEN.map(([code]) => code), ...REFUSED.map(([code]) => code)];
  const outcomes = runCells(installPath("scripts"), codes);
  const [, ...ran] = outcomes;
  assert.deepEqual(
    ran.slice(0, PLACES.length).map(({ error }, i) => [PLACES[i], error]),
    PLACES.map((code) => [code, ""]),
  );
  const spoken = ran.slice(PLACES.length, PLACES.length + SPOKEN.length);
  assert.deepEqual(
    spoken.map(({ error, text, result = "" }) => error + text + result),
    SPOKEN.map(([, shown]) => shown),
  );
  for (const [i, [code, words]] of REFUSED.entries())
    assert.match(ran[PLACES.length + SPOKEN.length + i]!.error, words, code);
});
