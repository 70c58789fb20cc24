// The nearest name, which errors suggest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "guie/dist/common/errors";

test("nearestName finds the name of a misspelling, and nothing for a distant word", () => {
  assert.equal(nearestName("vit_242", ["vit_224", "tiny"]), "vit_224");
  assert.equal(nearestName("something", ["vit_224", "tiny"]), undefined);
});
