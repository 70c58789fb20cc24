import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "guie/dist/common/errors";

test("nearestName finds a misspelt name and refuses a far one", () => {
  assert.equal(nearestName("vit_242", ["vit_224", "tiny"]), "vit_224");
  assert.equal(nearestName("something", ["vit_224", "tiny"]), undefined);
});
