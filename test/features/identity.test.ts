// The identity of features: which settings make other features.
import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { featureFolder, madeByBackbone } from "guie/dist/features/features";

const config = tiny("frozen");

test("features of another resize mode are other features, in a folder of their own", () => {
  const identities = (["squash", "crop", "pad"] as const).map((resizeMode) => {
    const changed = overrideConfig(config, { resizeMode });
    return [madeByBackbone(changed).resizeMode, basename(dirname(featureFolder(changed, "train")))];
  });
  assert.deepEqual(identities, [
    [undefined, "tiny_28px_last2"], // as before there were modes: kept features stay
    ["crop", "tiny_28px_crop_last2"],
    ["pad", "tiny_28px_pad_last2"],
  ]);
});
