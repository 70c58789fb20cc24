// Imports go one way: the folders of lib are layers, and each uses only those below it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";

/** From the lowest; folders of one layer may use each other. The engine, `tensorflow`, stands on `common` alone. */
const LAYERS = [
  ["common"],
  ["pixels"],
  ["config", "datasets", "tensorflow"],
  ["images"],
  ["checkpoints", "model"],
  ["retrieval", "tables"],
  ["training"],
  ["export", "serving"],
  ["cli", "notebook"],
  ["index.ts"],
];
/** Of one layer, and yet strangers to each other. */
const APART = ["config", "datasets", "tensorflow", "retrieval", "tables", "export", "serving"];

const lib = projectPath("lib");

/** Every import from one folder of lib to another: [file, its folder, the other]. */
function crossings(): [string, string, string][] {
  const files = readdirSync(lib, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file))
    .sort();
  return files.flatMap((file) => {
    const text = readFileSync(join(lib, file), "utf8");
    const folder = file.split(sep)[0]!;
    const targets = Array.from(
      text.matchAll(/from "(\.{1,2}\/[^"]+)"/g),
      (match) => relative(lib, join(lib, dirname(file), match[1]!)).split(sep)[0]!,
    );
    return targets
      .filter((target) => target !== folder)
      .map((target) => [file, folder, target] as [string, string, string]);
  });
}

test("every folder of lib imports from its own layer or from below", () => {
  const layerOf = new Map(LAYERS.flatMap((names, layer) => names.map((name) => [name, layer] as const)));
  const found = crossings();
  assert.ok(found.length > 100, `${found.length} imports: the test reads too few`);
  for (const [file, folder, target] of found) {
    const [from, to] = [layerOf.get(folder), layerOf.get(target)];
    assert.ok(from !== undefined && to !== undefined, `${file}: ${folder} or ${target} has no layer here`);
    const isFine = to < from || (to === from && !APART.includes(folder));
    assert.ok(isFine, `lib/${file} imports from ${target}, which is not below ${folder}`);
  }
});
