// A person's own modules and JSON files.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { writeFile } from "../folders";
import { runCells } from "./drive";

/** Makes a person's project within ours: modules in the notebooks' folder and outside it. */
function ownProject(t: TestContext): string {
  mkdirSync(installPath("runs"), { recursive: true });
  const root = mkdtempSync(installPath("runs", "own-"));
  t.after(() => rmSync(root, { recursive: true }));
  writeFile(join(root, "package.json"), `{ "name": "mine", "version": "1.0.0" }`);
  writeFile(join(root, "src", "base.ts"), `export const base: number = 1;\n`);
  writeFile(join(root, "src", "deep", "index.ts"), `export * from "../base";\n`);
  writeFile(join(root, "src", "dotted.name.ts"), `export { base as dotted } from "./deep";\n`);
  writeFile(join(root, "src", "plain.js"), `export const plain = () => "js";\n`);
  writeFile(join(root, "src", "mine.ts"), MINE);
  writeFile(join(root, "notebooks", "near.ts"), `export { base as near } from "../src/base";\n`);
  return root;
}

const MINE = `import { base } from "./deep";
import { UserError } from "guie";
import settings from "../package.json";
export const answer = base + 41;
export const about = settings.version;
export const kind = new UserError("a", "b").name;
`;

const IMPORT = `import { answer, about, kind } from "../src/mine";
import { base as fromFolder } from "../src/deep";
import { dotted } from "../src/dotted.name";
import { plain } from "../src/plain";
import { near } from "./near";
import pkg from "../package.json";
[answer, about, kind, fromFolder, dotted, plain(), near, pkg.version].join(" ")`;

test("own modules and JSON are imported from outside the notebooks' folder, and again after an edit of any dependency", (t) => {
  const root = ownProject(t);
  const edit = (file: string, text: string) =>
    `require("fs").writeFileSync(${JSON.stringify(join(root, file))}, ${JSON.stringify(text)});`;
  const outcomes = runCells(join(root, "notebooks"), [
    IMPORT,
    edit("src/base.ts", `export const base: number = 2;\n`),
    IMPORT,
    edit("package.json", `{ "name": "mine", "version": "2.0.0" }`),
    IMPORT,
    edit("src/base.ts", `export const base: number = "three";\n`),
    IMPORT,
    edit("src/base.ts", `export const base: number = 3;\n`),
    IMPORT,
    `import { late } from "../src/late";`,
    edit("src/late.ts", `export const late = "came";\n`),
    `import { late } from "../src/late";\nlate`,
    `answer.toUpperCase()`,
  ]);
  const shown = outcomes.map(({ error, result = "" }) => error + result);
  assert.equal(shown[0], "42 1.0.0 UserError 1 1 js 1 1.0.0");
  assert.equal(shown[2], "43 1.0.0 UserError 2 2 js 2 1.0.0");
  assert.equal(shown[4], "43 2.0.0 UserError 2 2 js 2 2.0.0");
  assert.match(shown[6]!, /^\.\.\/src\/base\.ts 1:14 - Type 'string' is not assignable to type 'number'\./);
  assert.equal(shown[8], "44 2.0.0 UserError 3 3 js 3 2.0.0");
  assert.match(shown[9]!, /Cannot find module '\.\.\/src\/late'/);
  assert.equal(shown[11], "came");
  assert.match(shown[12]!, /Property 'toUpperCase' does not exist on type 'number'/);
});
