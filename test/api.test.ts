// The API by stage: lib/api exports each name once, index.ts exports all of them, every function has an example.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as guie from "guie";
import { installPath } from "guie/dist/common/project";
import { parseSync } from "oxc-parser";

const folder = installPath("lib/api");
const FILES = readdirSync(folder).filter((file) => file.endsWith(".ts"));

/** A name that a file of lib/api exports. */
interface Exported {
  name: string;
  isType: boolean;
  /** The source of lib that defines it. */
  source: string;
}

function exportsOf(file: string): Exported[] {
  const { module } = parseSync(file, readFileSync(join(folder, file), "utf8"));
  return module.staticExports.flatMap(({ entries }) =>
    entries.map(({ exportName, isType, moduleRequest }) => ({
      name: exportName.name!,
      isType,
      source: join(folder, `${moduleRequest!.value}.ts`),
    })),
  );
}

const EXPORTED = FILES.flatMap(exportsOf);

test("each name is exported once, by a file of its stage, and by the package", () => {
  const names = EXPORTED.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  );
  assert.ok(names.length >= 218, `${names.length} names: one was lost`);
  const values = EXPORTED.filter(({ isType }) => !isType).map(({ name }) => name);
  assert.deepEqual(Object.keys(guie).sort(), values.sort());
  const index = readFileSync(installPath("lib/index.ts"), "utf8");
  for (const file of FILES) assert.ok(index.includes(`"./api/${file.slice(0, -3)}"`), file);
});

test("every function has a docstring with an example", () => {
  const functions = EXPORTED.filter(({ name, isType, source }) => {
    const declared = new RegExp(`^export (async )?function ${name}\\b`, "m");
    return !isType && declared.test(readFileSync(source, "utf8"));
  });
  assert.ok(functions.length > 130, `${functions.length} functions: the test reads too few`);
  const without = functions.filter(({ name, source }) => {
    const text = readFileSync(source, "utf8");
    const before = text.slice(0, text.search(new RegExp(`^export (async )?function ${name}\\b`, "m")));
    const docstring = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(before)?.[0] ?? "";
    return !/@example\n \* \S/.test(docstring);
  });
  assert.deepEqual(
    without.map(({ name, source }) => `${source}: ${name}`),
    [],
  );
});
