// The kernel's compiler: changing packages, failures.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { writeFile } from "../folders";
import { runCells } from "./drive";

/** Types of a package that depend on a missing package: the compiler waits for that one. */
const ABSENT = `import { T } from "absent";\n`;

/** Makes a folder of notebooks with its own packages. */
function folderWithPackage(t: TestContext): string {
  mkdirSync(installPath("runs"), { recursive: true });
  const root = mkdtempSync(installPath("runs", "packages-"));
  t.after(() => rmSync(root, { recursive: true }));
  writeFile(
    join(root, "node_modules/dep/package.json"),
    `{ "name": "dep", "types": "index.d.ts", "main": "index.js" }`,
  );
  writeFile(
    join(root, "node_modules/dep/index.d.ts"),
    `export * from "./more";\nexport const one: number;\n`,
  );
  writeFile(join(root, "node_modules/dep/more.d.ts"), `${ABSENT}export const more: T;\n`);
  writeFile(join(root, "node_modules/dep/index.js"), `exports.one = 1; exports.more = "two";\n`);
  return root;
}

/** A cell that imitates `npm install`, as far as the compiler can see it. */
const INSTALL = `import { more } from "dep";
import { mkdirSync, writeFileSync } from "fs";
for (let i = 0; i < 3; i++) {
  writeFileSync("node_modules/dep/more.d.ts", ${JSON.stringify(ABSENT)} + "export const more: T; //" + i);
  mkdirSync("node_modules/absent", { recursive: true });
  writeFileSync("node_modules/absent/index.d.ts", "export type T = string; export const fresh: number; //" + i);
  writeFileSync("node_modules/absent/index.js", "exports.fresh = 1;");
  await new Promise((done) => setTimeout(done, 100));
}
await new Promise((done) => setTimeout(done, 400));`;

/** Returns a cell after which the compiler fails `times` times, as sometimes happens. */
const failing = (times: number) => `{
  const ts = require("@tslab/typescript-for-tslab");
  const ours = ts.getPreEmitDiagnosticsOfFiles;
  let left = ${times};
  ts.getPreEmitDiagnosticsOfFiles = (...args) => {
    if (left-- > 0) throw new Error("Debug Failure. False expression.");
    return ours(...args);
  };
}`;

test("the next cell sees packages changed by a cell; a failed compiler restarts, values and modules are kept", (t) => {
  const root = folderWithPackage(t);
  writeFile(
    join(root, "counted.ts"),
    `(globalThis as any).loads = ((globalThis as any).loads ?? 0) + 1;\nexport const x = 1;\n`,
  );
  const outcomes = runCells(root, [
    `import { one, more } from "dep";\nimport { x } from "./counted";\nconst typed: number = more;\n[typed, x]`,
    `import { fresh } from "absent";`,
    INSTALL,
    `import { more } from "dep";\nimport { fresh } from "absent";\n[more.toUpperCase(), one, fresh]`,
    failing(1),
    `import { x } from "./counted";\n[one, x, (globalThis as any).loads]`,
    failing(2),
    `one`,
    `one + 1`,
  ]);
  const shown = outcomes.map(({ error, text, result = "" }) => error + text + result);
  assert.equal(shown[0], "[ 'two', 1 ]"); // T is any while its package is missing
  assert.match(shown[1]!, /Cannot find module 'absent'/);
  assert.deepEqual(shown.slice(2, 7), ["", "[ 'TWO', 1, 1 ]", "", "[ 1, 1, 1 ]", ""]);
  assert.match(
    shown[7]!,
    /^the TypeScript compiler failed on this cell, and again after a restart: Debug Failure\. False expression\.\n {2}Next: divide the cell/,
  );
  assert.equal(shown[8], "2");
});
