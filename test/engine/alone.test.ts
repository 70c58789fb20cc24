// Compiles and runs the engine without the rest of lib: its folder and the files of lib/common that it imports.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { tensorflowFolder } from "guie/dist/engine/native/library";
import { parseSync } from "oxc-parser";
import { temporaryFolder, writeFile } from "../folders";

const LIB = installPath("lib");

/** Traces a function with a gradient, runs it twice, and a program with a variable. */
const MAIN = `
import { tf } from "./engine/native/tf";
import { Program } from "./engine/program/program";
import { trace } from "./engine/program/traced_function";

async function main(): Promise<void> {
  const f = trace(({ x }) => tf.grad((x) => tf.sum(tf.square(x)))(x), { x: { shape: [2] } });
  const program = new Program();
  program.variable("w", { shape: [2] });
  await program.assign("w", [1, 1]);
  const add = program.function("add", ({ x }, variables) => tf.add(variables.read("w"), x), { x: { shape: [2] } });
  const results = [await f.run({ x: [1, 2] }), await f.run({ x: [3, 4] }), await add.run({ x: [1, 2] })];
  console.log(JSON.stringify(results.map(({ data }) => Array.from(data as Float32Array))));
  f.dispose();
  program.dispose();
}

void main();
`;

/** Returns the files of lib that these files import, including themselves, as paths below lib. */
function withImports(files: readonly string[]): Set<string> {
  const found = new Set(files);
  for (const file of found) {
    const { module } = parseSync(file, readFileSync(join(LIB, file), "utf8"));
    for (const { moduleRequest } of module.staticImports) {
      if (!moduleRequest.value.startsWith(".")) continue;
      const path = join(dirname(file), moduleRequest.value);
      found.add(path.endsWith(".json") ? path : `${path}.ts`);
    }
  }
  return found;
}

test("lib/engine, copied with the files of lib/common that it imports, compiles and runs", (t) => {
  const root = temporaryFolder(t);
  const folder = join(root, "lib"); // lib/dist next to node_modules, where the engine looks for tfjs's binding
  const engine = readdirSync(join(LIB, "engine"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join("engine", file));
  const files = [...withImports(engine)];
  const others = files.filter((file) => !file.startsWith("engine/"));
  t.diagnostic(`other files: ${others.join(", ")}`);
  assert.ok(others.every((file) => file.startsWith("common/")));
  for (const file of files) cpSync(join(LIB, file), join(folder, file));
  writeFile(join(folder, "main.ts"), MAIN);
  symlinkSync(installPath("node_modules"), join(root, "node_modules"));
  const { compilerOptions } = JSON.parse(readFileSync(installPath("tsconfig.json"), "utf8"));
  const options = { ...compilerOptions, composite: false, incremental: false, declarationMap: false };
  writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...options, outDir: "dist", rootDir: "." }, include: ["**/*.ts"] }),
  );
  execFileSync(process.execPath, ["../node_modules/typescript/bin/tsc", "-p", "."], {
    cwd: folder,
    encoding: "utf8",
  });
  const printed = execFileSync(process.execPath, ["dist/main.js"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, TENSORFLOW_FOLDER: tensorflowFolder(), GUIE_ROOT: root },
  });
  assert.deepEqual(JSON.parse(printed), [
    [2, 4],
    [6, 8],
    [2, 3],
  ]);
});
