import assert from "node:assert/strict";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { runCells } from "./drive";

// A cell's first part is synchronous: "turning" is printed once the loop has gone around the event loop.
const BREATHING_LOOP = `for (;;) { count++; await breathe(); if (count === 3) console.log("turning"); }`;

test("Interrupt stops a loop that breathes, a plain loop and an endless wait; the kernel keeps its variables", () => {
  const [, breathing, afterwards, plain, waiting, kept] = runCells(projectPath("scripts"), [
    `import { breathe } from "guie/dist/common/interrupt";\nlet count = 0;`,
    { code: BREATHING_LOOP, interruptAt: "turning" },
    // Nothing is left over: the next loop runs.
    `await breathe(); console.log("count kept:", count >= 3);`,
    { code: `console.log("turning"); for (;;) count++;`, interruptAt: "turning" },
    { code: `await null; console.log("turning"); await new Promise(() => {});`, interruptAt: "turning" },
    `console.log(count >= 3);`,
  ]);
  assert.equal(breathing!.status, "error");
  assert.match(breathing!.error, /^Interrupted: what was finished is kept/);
  assert.equal(afterwards!.text, "count kept: true\n");
  assert.equal(plain!.error, "Interrupted.");
  assert.match(waiting!.error, /^Interrupted. What the cell awaited may go on/);
  assert.equal(kept!.text, "true\n");
});

test("a SIGINT listener that a cell adds does not cost the kernel its life", () => {
  const [, listening, afterwards] = runCells(projectPath("scripts"), [
    `import { breathe } from "guie/dist/common/interrupt";\nlet count = 0;`,
    {
      code: `process.on("SIGINT", () => console.log("mine too"));\n${BREATHING_LOOP}`,
      interruptAt: "turning",
    },
    `console.log("alive", count >= 3);`,
  ]);
  assert.match(listening!.text, /mine too/);
  assert.match(listening!.error, /^Interrupted/);
  assert.equal(afterwards!.text, "alive true\n");
});
