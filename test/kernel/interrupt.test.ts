// Interrupting cells.
import assert from "node:assert/strict";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { runCells } from "./drive";

// A cell's first part is synchronous: "turning" is printed once the loop has gone around the event loop.
const HEEDING_LOOP = `for (;;) { count++; await checkInterrupt(); if (count === 3) console.log("turning"); }`;
const SIGNAL_WAIT = `await null; console.log("turning");
await require("timers/promises").setTimeout(60_000, null, { signal: interruptSignal() }).catch((e) => console.log(e.name));`;

test("Interrupt stops a loop that checks for it, a plain loop and an endless wait; the kernel keeps its variables", () => {
  const [, heeding, afterwards, plain, listening, waiting, kept] = runCells(installPath("scripts"), [
    `import { checkInterrupt, interruptSignal } from "guie/dist/common/interrupt";\nlet count = 0;`,
    { code: HEEDING_LOOP, interruptAt: "turning" },
    // The interrupt is cleared: the next loop runs.
    `await checkInterrupt(); console.log("count kept:", count >= 3);`,
    { code: `console.log("turning"); for (;;) count++;`, interruptAt: "turning" },
    { code: SIGNAL_WAIT, interruptAt: "turning" },
    { code: `await null; console.log("turning"); await new Promise(() => {});`, interruptAt: "turning" },
    `console.log(count >= 3);`,
  ]);
  assert.equal(heeding!.status, "error");
  assert.match(heeding!.error, /^Interrupted: what was finished is kept/);
  assert.equal(afterwards!.text, "count kept: true\n");
  assert.equal(plain!.error, "Interrupted.");
  assert.match(listening!.text, /AbortError/);
  assert.match(waiting!.error, /^Interrupted. What the cell awaited may continue/);
  assert.equal(kept!.text, "true\n");
});

test("the kernel survives a SIGINT listener that a cell adds", () => {
  const [, listening, afterwards] = runCells(installPath("scripts"), [
    `import { checkInterrupt } from "guie/dist/common/interrupt";\nlet count = 0;`,
    {
      code: `process.on("SIGINT", () => console.log("mine too"));\n${HEEDING_LOOP}`,
      interruptAt: "turning",
    },
    `console.log("alive", count >= 3);`,
  ]);
  assert.match(listening!.text, /mine too/);
  assert.match(listening!.error, /^Interrupted/);
  assert.equal(afterwards!.text, "alive true\n");
});
