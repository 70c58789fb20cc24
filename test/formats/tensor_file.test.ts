// Checks of a file's tensors against the expected ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import { requireTensors } from "guie/dist/formats/tensor_file";

test("requireTensors names all missing, unexpected and misshapen tensors at once", () => {
  const info = (...shape: number[]) => ({ dtype: "F32" as const, shape });
  const found = new Map([
    ["a", info(2)],
    ["b", info(2, 3)],
    ["x", info(1)],
  ]);
  const expected = new Map([
    ["a", [2]],
    ["b", [3, 2]],
    ["c", [1]],
  ]);
  assert.throws(
    () => requireTensors("f", found, expected, "the model", "fix it"),
    /f does not fit the model: missing: c; unexpected: x; of another shape: b \(expected \[3,2\], found \[2,3\]\)\.\n.*fix it/,
  );
  assert.doesNotThrow(() =>
    requireTensors(
      "f",
      found,
      new Map([
        ["a", [2]],
        ["b", [2, 3]],
        ["x", [1]],
      ]),
      "it",
    ),
  );
});
