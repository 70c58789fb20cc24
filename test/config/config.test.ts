// Presets, overrides and the checks of a config.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { demo, PRESET_NAMES, preset, vit224 } from "guie/dist/config/presets";

test("every preset passes the checks, in both stages", () => {
  for (const name of PRESET_NAMES) {
    for (const stage of ["frozen", "fine_tune"] as const)
      assert.equal(overrideConfig(preset(name, stage)).stage, stage);
  }
});

test("vit_224 has the README's numbers", () => {
  const { batchSize, initLr, nEpochs, cpktEpoch, nBatchLog, warmUpEpochs, fold, seed, imageSize } = vit224();
  assert.deepEqual(
    { batchSize, initLr, nEpochs, cpktEpoch, nBatchLog, warmUpEpochs, fold, seed, imageSize },
    {
      batchSize: 32,
      initLr: 1e-4,
      nEpochs: 10,
      cpktEpoch: 10,
      nBatchLog: 300,
      warmUpEpochs: 1,
      fold: 1,
      seed: 999,
      imageSize: 224,
    },
  );
});

test("an override changes the preset's value, and the result is frozen", () => {
  const config = overrideConfig(demo(), { initLr: 0.25 });
  assert.equal(config.initLr, 0.25);
  assert.equal(config.s, demo().s);
  assert.throws(() => {
    (config as { initLr: number }).initLr = 1;
  }, TypeError);
});

test("an unknown setting is refused with the nearest name", () => {
  assert.throws(
    () => overrideConfig(demo(), { initLR: 1 } as ConfigOverrides),
    /no setting "initLR"[\s\S]*"initLr"/,
  );
  assert.throws(() => preset("demoo"), /no preset "demoo"[\s\S]*"demo"/);
});

test("invalid values are refused by name, all at once", () => {
  const bad = { batchSize: 0, margin: 4, stage: "both", runName: "../x" } as unknown as ConfigOverrides;
  assert.throws(
    () => overrideConfig(demo(), bad),
    (error: Error) =>
      ["batchSize", "margin", "stage", "runName"].every((name) => error.message.includes(name)),
  );
});

test("a sharded head cannot be trained in float16", () => {
  const shared = overrideConfig(demo(), { shardHead: true, precision: "bfloat16" });
  assert.throws(
    () => overrideConfig(shared, { precision: "float16" }),
    /shardHead = true: it does not go with float16.*set precision to bfloat16/,
  );
});
