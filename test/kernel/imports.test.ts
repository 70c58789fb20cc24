// Imports of lib, tfjs and danfojs from any folder.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { runCells } from "./drive";

const LIB = `import { UserError } from "guie/dist/common/errors";
import { seconds } from "guie/dist/common/nothing";`;

/** Types are found where the package is: a missing module is the only error. */
const MISSING = /^2:25 - Cannot find module 'guie\/dist\/common\/nothing'[^\n]*$/;

const TENSORS = `import * as tf from "@tensorflow/tfjs-node-gpu";
import * as dfd from "danfojs-node";
import { tf as ours } from "guie";
const sum: number = tf.tensor1d([1, 2]).add(1).sum().dataSync()[0];
const column: dfd.Series = new dfd.DataFrame({ a: [1, 2] })["a"];
console.log(sum, column.sum(), ours === tf, tf.getBackend());`;

const OPENED = `import { readFileSync } from "fs";
const mapped = readFileSync("/proc/self/maps", "utf8").match(/\\/.*(tensorflow_cc|tfjs_binding).*/g) ?? [];
console.log([...new Set(mapped)].sort().join("\\n"));`;

test("lib, tfjs and danfojs are found from any folder of the project and share one TensorFlow under its real path", (t) => {
  mkdirSync(installPath("runs"), { recursive: true });
  const deep = mkdtempSync(installPath("runs", "imports-"));
  t.after(() => rmSync(deep, { recursive: true }));
  mkdirSync(join(deep, "notebooks"));
  for (const folder of [installPath(), installPath("test")])
    assert.match(runCells(folder, [LIB])[0]!.error, MISSING);
  const [lib, tensors, opened] = runCells(join(deep, "notebooks"), [LIB, TENSORS, OPENED]);
  assert.match(lib!.error, MISSING);
  assert.equal(tensors!.error + tensors!.text, "5 3 true tensorflow\n");
  const files = opened!.text.trim().split("\n");
  assert.equal(files.length, 2, opened!.text);
  assert.match(files[0]!, /\/\.venv\/lib\/python3\.\d+\/site-packages\/tensorflow\/libtensorflow_cc\.so\.2$/);
  assert.match(files[1]!, /\/node_modules\/@tensorflow\/tfjs-node-gpu\/lib\/napi-v8\/tfjs_binding\.node$/);
});
