// Train's parameters: set ones override the preset, and the view of a run marks them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { PRESET_NAMES, preset } from "guie/dist/config/presets";
import { type TrainParams, trainConfigs } from "guie/dist/notebook/views/train_configs";
import { compareConfigs, settingsText } from "guie/dist/notebook/views/training_views";

/** The notebook's parameters, all unset. */
const UNSET = {
  dataDir: undefined,
  tower: undefined,
  frozenEpochs: undefined,
  frozenLr: undefined,
  seed: undefined,
  fineTuneLr: undefined,
  backboneLrFactor: undefined,
  margin: undefined,
  s: undefined,
  maxSteps: undefined,
  tryLr: [0.01],
  tryMargins: [0.3],
};

test("without parameters, every preset is used unchanged, except for the names of the runs", () => {
  for (const name of PRESET_NAMES) {
    const { frozen, fineTune } = trainConfigs({ ...UNSET, preset: name, run: "x" });
    const names = { runName: "x_frozen" };
    assert.deepEqual(frozen, overrideConfig(preset(name, "frozen"), names));
    const tuned = { runName: "x_fine_tune", initFrom: "x_frozen" };
    assert.deepEqual(fineTune, overrideConfig(preset(name, "fine_tune"), tuned));
  }
});

test("set parameters count, including 0; invalid values and unknown settings are refused", () => {
  const p = { ...UNSET, preset: "demo", run: "x" };
  const set = { margin: 0, frozenEpochs: 3, frozenLr: 0.01, fineTuneLr: 1e-4, maxSteps: 0, emaDecay: 0.9 };
  const { frozen, fineTune } = trainConfigs({ ...p, ...set, tower: "ViT-H-14" });
  assert.deepEqual([frozen.margin, frozen.nEpochs, frozen.initLr, frozen.emaDecay], [0, 3, 0.01, 0.9]);
  assert.deepEqual([fineTune.margin, fineTune.initLr, fineTune.maxStepsPerEpoch], [0, 1e-4, 0]);
  assert.equal(fineTune.nEpochs, preset("demo", "fine_tune").nEpochs);
  assert.equal(frozen.weights, "checkpoints/ViT_H_14_2B_vision_model.safetensors");
  assert.throws(() => trainConfigs({ ...p, s: 0 }), /s = 0/);
  assert.throws(() => trainConfigs({ ...p, frozenEpochs: 0 }), /nEpochs = 0/);
  const wrong = (extra: object) => () => trainConfigs({ ...p, ...extra } as TrainParams);
  assert.throws(wrong({ margn: 0.2 }), /no setting "margn"[\s\S]*margin/);
  assert.throws(wrong({ runName: "y" }), /Train sets runName itself/);
});

test("a setting by its old name reaches both stages under the present one", () => {
  const old = { preset: "demo", run: "x", workers: 2, lrSchedule: "seed" } as unknown as TrainParams;
  for (const config of Object.values(trainConfigs(old)))
    assert.deepEqual([config.processes, config.lrSchedule], [2, "original"]);
});

test("the table of configs begins with changed settings; a run's settings are summarised in a line", () => {
  const { frozen, fineTune } = trainConfigs({
    ...UNSET,
    preset: "demo",
    run: "demo",
    margin: 0.2,
    dropout: 0.1,
  });
  const rows = compareConfigs({ frozen, fine_tune: fineTune });
  assert.deepEqual(
    rows.slice(0, 2).map(({ setting, ...row }) => [setting, row.frozen, row["the preset's"]]),
    [
      ["dropout", 0.1, "0.2"],
      ["margin", 0.2, "0.4"],
    ],
  );
  assert.equal(rows.filter((row) => row["the preset's"] !== "").length, 2);
  const line = settingsText(fineTune);
  assert.match(
    line,
    /^demo, fine_tune: dataDir data\/demo, .*margin 0\.2 \(preset: 0\.4\).*dropout 0\.1 \(preset: 0\.2\)$/,
  );
  assert.match(line, /s 12, .*seed 999, initFrom demo_frozen,/);
});
