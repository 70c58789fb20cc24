// Presets, overrides and the checks of a config.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Augmentation, augmentationRows, RECIPE_NAMES } from "guie/dist/config/augmentation";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { demo, PRESET_NAMES, preset, vit224 } from "guie/dist/config/presets";
import { nameOfConfig } from "guie/dist/config/run_name";

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

test("the augmentation is a recipe's name or a list of rows; numbers that are left out are filled in", () => {
  assert.equal(preset("vit_224").augmentation, "original");
  const rows = [{ name: "HorizontalFlip", probability: 0.3 }, { name: "ShiftScaleRotate" }] as const;
  const config = overrideConfig(preset("tiny"), { augmentation: rows });
  assert.deepEqual(config.augmentation, [
    { name: "HorizontalFlip", probability: 0.3 },
    { name: "ShiftScaleRotate", probability: 0.5, shiftLimit: 0, scaleLimit: 0.2, rotateLimit: 10 },
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
  assert.deepEqual(augmentationRows(config.augmentation), config.augmentation);
  for (const name of RECIPE_NAMES) {
    const rows = augmentationRows(name);
    assert.deepEqual(overrideConfig(preset("tiny"), { augmentation: rows }).augmentation, rows, name);
  }
});

test("the error for an augmentation says which row and number is wrong, or which names there are", () => {
  const wrong = (augmentation: unknown) => () =>
    overrideConfig(preset("tiny"), { augmentation } as ConfigOverrides);
  assert.throws(
    wrong("photo"),
    /augmentation = "photo": expected one of original, none, .*or a list of rows/,
  );
  assert.throws(wrong([{ name: "Flip" }]), /: row 1, name: .*HorizontalFlip/);
  assert.throws(wrong([{ name: "ToGray" }, { name: "ToGray", probability: 2 }]), /: row 2, probability: /);
  assert.throws(wrong([{ name: "ToGray", p: 0.1 }]), /: row 1: .*"p"/);
  const flip = { name: "HorizontalFlip" };
  assert.throws(wrong([flip, { name: "RandomResizedCrop" }]), /make it the first row, once/);
  assert.throws(wrong([{ name: "GaussianBlur", sigma: [2, 1] }]), /row 1, sigma: the first number must not/);
});

test("runs are named after their recipe; two lists of rows have two names", () => {
  const nameOf = (augmentation: Augmentation) =>
    nameOfConfig(overrideConfig(preset("tiny"), { augmentation }));
  assert.equal(nameOf("photos"), "tiny_augmentationPhotos_fine_tune");
  const [one, two] = [0.1, 0.2].map((probability) => nameOf([{ name: "ToGray", probability }]));
  assert.match(one!, /^tiny_augmentationToGray-[0-9a-f]{8}_fine_tune$/);
  assert.notEqual(one, two);
});
