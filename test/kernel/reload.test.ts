// reload() in a running notebook.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { runCells } from "./drive";

/** Copies a file of lib and everything it imports into a project; packages are linked. */
function copyWithImports(root: string, file: string): void {
  const copy = join(root, "lib", file);
  if (existsSync(copy)) return;
  cpSync(installPath("lib", file), copy);
  if (file.endsWith(".json")) return;
  for (const [, name] of readFileSync(copy, "utf8").matchAll(/^(?:import|export|\}) .*from "(.+)";$/gm)) {
    if (name!.startsWith(".")) {
      const imported = join(dirname(file), name!);
      copyWithImports(root, imported.endsWith(".json") ? imported : `${imported}.ts`);
    } else if (!name!.startsWith("node:")) linkPackage(root, name!);
  }
}

function linkPackage(root: string, name: string): void {
  const link = join(root, "node_modules", name);
  mkdirSync(dirname(link), { recursive: true });
  if (!existsSync(link)) symlinkSync(installPath("node_modules", name), link);
}

/** Makes a project with a lib of a few files, so that the real one is not edited. */
function makeProject(): string {
  const root = mkdtempSync(join(tmpdir(), "reload-"));
  const lib = join(root, "lib");
  for (const file of ["tsconfig.json", "lib/tsconfig.json", "lib/package.json"]) {
    cpSync(installPath(file), join(root, file));
  }
  for (const folder of ["lib/engine", "node_modules/@types", "notebooks"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "package.json"), `{"name": "universal-image-embedding"}`);
  for (const name of ["typescript", "@typescript", "@types/node", "undici-types"]) linkPackage(root, name);
  copyWithImports(root, "notebook/output/reload.ts");
  symlinkSync(lib, join(root, "node_modules", "guie"));
  writeFileSync(join(lib, "engine", "engine.ts"), `export const openedAt = process.hrtime.bigint();\n`);
  writeLib(root, `export const answer: number = 41;\nexport const bad = 1;\n`);
  build(root);
  return root;
}

function writeLib(root: string, answer: string): void {
  writeFileSync(join(root, "lib/answer.ts"), answer);
  writeFileSync(
    join(root, "lib/index.ts"),
    `export * from "./answer";\nexport * from "./notebook/output/reload";\nexport * from "./engine/engine";\n`,
  );
}

function build(root: string): void {
  const compiler = join(installPath(), "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-b", "lib"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
}

/** Returns a cell that edits a file of the project. */
const edit = (root: string, file: string, content: string) =>
  `import { writeFileSync } from "fs";\nwriteFileSync(${JSON.stringify(join(root, file))}, ${JSON.stringify(content)});`;

test("reload() loads an edit's code and types into the notebook and keeps the engine", (t) => {
  const root = makeProject();
  t.after(() => rmSync(root, { recursive: true }));
  const outcomes = runCells(join(root, "notebooks"), [
    `import { answer, openedAt, reload } from "guie";\nconst before = openedAt;\nconsole.log(answer.toFixed(1));`,
    edit(
      root,
      "lib/answer.ts",
      `export const answer: string = "forty-two";\nexport { extra } from "./extra";\n`,
    ),
    edit(root, "lib/extra.ts", `export const extra = [1, 2];\n`),
    `await reload();`,
    `import { answer, extra, openedAt } from "guie";\nconsole.log(answer.toUpperCase(), extra.length, openedAt === before);`,
    `answer.toFixed(1);`,
    edit(root, "lib/answer.ts", `export const answer: string = 42;\nexport { extra } from "./extra";\n`),
    `await reload();`,
    edit(root, "lib/answer.ts", `export const answer = 43;\n`),
    edit(root, "lib/engine/engine.ts", `export const openedAt = 1n;\n`),
    `await reload();`,
    `import { answer, openedAt } from "guie";\nconsole.log(answer.toFixed(1), openedAt === before);`,
  ]);
  const [first, , , reloaded, second, typed, , broken, , , engine, third] = outcomes;
  assert.equal(first!.text, "41.0\n");
  assert.equal(reloaded!.error, "");
  assert.equal(second!.error + second!.text, "FORTY-TWO 2 true\n");
  assert.match(typed!.error, /Property 'toFixed' does not exist on type 'string'/);
  assert.match(
    broken!.error,
    /^lib does not compile:\nlib\/answer\.ts\(1,14\): error TS2322: .*\n {2}Next: fix it/,
  );
  assert.match(engine!.text, /Restart the kernel to use the changes in lib\/engine\/engine\.ts\./);
  assert.equal(third!.error + third!.text, "43.0 true\n");
});
