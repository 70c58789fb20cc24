// Completion and inspection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { type Outcome, runCells } from "./drive";

const matches = (outcome: Outcome) => outcome.reply!.matches as string[];
const docstringOf = (outcome: Outcome) => (outcome.reply!.data as Record<string, string>)["text/plain"] ?? "";

test("Tab lists our functions, settings and parameters; Shift-Tab shows their types and docstrings", () => {
  const [, , functions, some, settings, parameter, option, tool, call, within, setting, value, nothing] =
    runCells(installPath("notebooks"), [
      `import * as guie from "guie";`,
      `const p = guie.params({ margin: 0.3, dataSets: [] as string[] });`,
      { ask: "complete", code: "guie." },
      { ask: "complete", code: "await guie.watch" },
      { ask: "complete", code: "guie.overrideConfig(guie.demo(), { marg" },
      { ask: "complete", code: "p.m" },
      { ask: "complete", code: "await guie.show([{ a: 1 }], { max" },
      { ask: "inspect", code: "guie.show" },
      { ask: "inspect", code: "await guie.show(" },
      { ask: "inspect", code: `guie.show(guie.lineFigure([{ name: "loss", x: [1], y: [2] }], ` },
      { ask: "inspect", code: "const config = guie.demo(); config.margin" },
      { ask: "inspect", code: "p.margin" },
      { ask: "inspect", code: "1 + " },
    ]);
  for (const name of ["show", "params", "startRun", "watchRun", "compareRuns", "TOWERS", "tf"])
    assert.ok(matches(functions!).includes(name), name);
  assert.deepEqual(matches(some!), ["watchRun"]);
  assert.deepEqual([some!.reply!.cursor_start, some!.reply!.cursor_end], [11, 16]);
  assert.deepEqual(matches(settings!).slice(0, 3), ["margin", "marginMax", "marginStep"]);
  assert.deepEqual(matches(parameter!), ["margin"]);
  assert.deepEqual(matches(option!), ["maxRows"]);
  assert.match(docstringOf(tool!), /function show\(value: unknown, options\?: TableOptions\): Promise<void>/);
  assert.match(docstringOf(tool!), /Shows a value as an output of the cell/);
  assert.equal(docstringOf(call!), docstringOf(tool!).replace("function ", ""));
  assert.match(
    docstringOf(within!),
    /lineFigure\(series: readonly LineSeries\[\].*lines over a common x axis/s,
  );
  assert.match(docstringOf(setting!), /margin: number\s+Margin of the first epoch, radians\./);
  assert.match(docstringOf(value!), /margin: number/);
  assert.equal(docstringOf(nothing!), "");
});
