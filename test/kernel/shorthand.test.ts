import assert from "node:assert/strict";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { runCells } from "./drive";

test("shorthand properties and shorthand assignments work with the names of earlier cells", () => {
  const [, inObject, nested, assigned] = runCells(projectPath("scripts"), [
    `const { left, right } = { left: 1, right: 2 };\nlet changed = 0;`,
    `console.log(JSON.stringify(await Promise.resolve({ left, right, own: 3 })));`,
    `const inner = 5;\nconsole.log([1].map((item) => ({ item, left, deep: { right, inner } })));`,
    `({ changed = 7 } = {} as { changed?: number });\nconsole.log(changed);`,
  ]);
  assert.equal(inObject!.error + inObject!.text, '{"left":1,"right":2,"own":3}\n');
  assert.equal(nested!.error + nested!.text, "[ { item: 1, left: 1, deep: { right: 2, inner: 5 } } ]\n");
  assert.equal(assigned!.error + assigned!.text, "7\n");
});
