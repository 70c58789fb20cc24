// Questions of a cell to its reader.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { runCells } from "./drive";

test("a cell asks its reader; if nobody can answer, the error says so", () => {
  const ask = `await input("Name: ")`;
  const [, answered, nobody] = runCells(installPath("scripts"), [
    `import { input } from "guie/dist/notebook/output/input";`,
    { code: ask, answer: "Ada" },
    ask,
  ]);
  assert.equal(answered!.error + answered!.result, "Ada");
  assert.match(
    nobody!.error,
    /^nobody can be asked "Name: ".*\n {2}Next: set the value in the parameters cell$/,
  );
});
