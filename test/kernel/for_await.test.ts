import assert from "node:assert/strict";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { runCells } from "./drive";

test("for await at the top level of a cell: break, names of earlier cells, and loops within functions as ever", () => {
  const outcomes = runCells(projectPath("scripts"), [
    `async function* count() { for (let i = 1; ; i++) yield i; }\nlet sum = 0;`,
    `for await (const i of count()) {\n  sum += i;\n  if (i === 3) break;\n}\nconsole.log(sum);`,
    `const all = async () => { for await (const i of count()) if (i > 4) return i; };\nconsole.log(await all());`,
    `console.log(sum + 1);`,
  ]);
  assert.deepEqual(
    outcomes.map(({ error, text }) => error + text),
    ["", "6\n", "5\n", "7\n"],
  );
});
