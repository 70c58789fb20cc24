// Train's parameters: set ones override the preset, and the view of a run marks them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { PRESET_NAMES, preset } from "guie/dist/config/presets";
import { nameOfConfig } from "guie/dist/config/run_name";
import { type TrainParams, trainConfigs } from "guie/dist/notebook/views/train_configs";
import { compareConfigs, settingsText } from "guie/dist/notebook/views/training_views";

test("without overrides, every preset is used unchanged, except for the names of the runs", () => {
  for (const name of PRESET_NAMES) {
    const { frozen, fineTune, run } = trainConfigs({ preset: name });
    assert.equal(run, name);
    assert.deepEqual(frozen, overrideConfig(preset(name, "frozen"), { runName: `${name}_frozen` }));
    const tuned = preset(name, "fine_tune");
    const initFrom = tuned.initFrom === "" ? "" : `${name}_frozen`;
    assert.deepEqual(fineTune, overrideConfig(tuned, { runName: `${name}_fine_tune`, initFrom }));
  }
  assert.equal(trainConfigs({ preset: "vit_224_scored" }).fineTune.initFrom, "", "from the pretrained tower");
});

test("overrides count in both stages or in one, including 0; invalid values and unknown settings are refused", () => {
  const { frozen, fineTune } = trainConfigs({
    preset: "demo",
    run: "x",
    overrides: { margin: 0, emaDecay: 0.9, tower: "ViT-H-14" },
    frozen: { nEpochs: 3, initLr: 0.01 },
    fineTune: { initLr: 1e-4, maxStepsPerEpoch: 0 },
  });
  assert.deepEqual([frozen.margin, frozen.nEpochs, frozen.initLr, frozen.emaDecay], [0, 3, 0.01, 0.9]);
  assert.deepEqual([fineTune.margin, fineTune.initLr, fineTune.maxStepsPerEpoch], [0, 1e-4, 0]);
  assert.equal(fineTune.nEpochs, preset("demo", "fine_tune").nEpochs);
  assert.equal(frozen.weights, "checkpoints/ViT_H_14_2B_vision_model.safetensors");
  const refused = (overrides: object, pattern: RegExp) =>
    assert.throws(() => trainConfigs({ preset: "demo", overrides }), pattern);
  refused({ s: 0 }, /s = 0/);
  refused({ margn: 0.2 }, /no setting "margn"[\s\S]*margin/);
  refused({ runName: "y" }, /Train sets runName itself/);
  assert.throws(() => trainConfigs({ preset: "demo", frozen: { nEpochs: 0 } }), /nEpochs = 0/);
});

test("a run without a name of its own is called after its preset and what differs", () => {
  const namesOf = (p: Omit<TrainParams, "preset">) => {
    const { frozen, fineTune } = trainConfigs({ preset: "demo", ...p });
    assert.equal(fineTune.initFrom, frozen.runName);
    return [frozen.runName, fineTune.runName];
  };
  const both = (name: string) => [`${name}_frozen`, `${name}_fine_tune`];
  assert.deepEqual(namesOf({}), both("demo"));
  assert.deepEqual(
    namesOf({ overrides: { margin: 0.4 } }),
    both("demo"),
    "the preset's own value is no change",
  );
  assert.deepEqual(namesOf({ overrides: { s: 20, margin: 0.2 } }), both("demo_margin0.2_s20"));
  assert.deepEqual(namesOf({ overrides: { dataDir: "data/my shop" } }), both("demo_dataDirMy-shop"));
  assert.deepEqual(namesOf({ overrides: { dataDir: "data/Käse & Brot" } }), both("demo_dataDirKase-Brot"));
  const [other] = namesOf({ overrides: { dataDir: "data/果物" } });
  assert.match(other!, /^demo_dataDir-[0-9a-f]{8}_frozen$/, "another script");
  const switches = { standardise: false, gpus: [0, 1] };
  assert.deepEqual(namesOf({ overrides: switches }), both("demo_gpus0-1_noStandardise"));
  assert.deepEqual(namesOf({ overrides: { margin: 0.2 }, frozen: { initLr: 0.01, margin: 0.2 } }), [
    "demo_initLr0.01_margin0.2_frozen",
    "demo_frozen.initLr0.01_margin0.2_fine_tune",
  ]);
  assert.deepEqual(
    namesOf({ fineTune: { initLr: 0.01 } }),
    ["demo_frozen", "demo_fineTune.initLr0.01_fine_tune"],
    "the frozen run is the same",
  );
  const nameOf = (p: Omit<TrainParams, "preset">) => trainConfigs({ preset: "demo", ...p }).run;
  const long = nameOf({ overrides: { dataDir: `data/${"a".repeat(100)}` } });
  assert.ok(long.length === 80 && /_[0-9a-f]{8}$/.test(long), long);
  assert.notEqual(nameOf({ overrides: { dataDir: `data/${"a".repeat(101)}` } }), long);
  const { frozen } = trainConfigs({ preset: "demo", overrides: { margin: 0.2 } });
  assert.equal(nameOfConfig(frozen), frozen.runName);
});

test("a setting by its old name reaches both stages under the present one", () => {
  const old = { workers: 2, lrSchedule: "seed" } as unknown as TrainParams["overrides"];
  const { frozen, fineTune } = trainConfigs({ preset: "demo", overrides: old });
  for (const config of [frozen, fineTune])
    assert.deepEqual([config.processes, config.lrSchedule], [2, "original"]);
});

test("the table of configs begins with changed settings; a run's settings are summarised in a line", () => {
  const { frozen, fineTune } = trainConfigs({
    preset: "demo",
    run: "demo",
    overrides: { margin: 0.2, dropout: 0.1 },
  });
  const rows = compareConfigs({ frozen, fine_tune: fineTune });
  assert.deepEqual(
    rows.slice(0, 2).map(({ setting, ...row }) => [setting, row.frozen, row["the preset's"]]),
    [
      ["margin", 0.2, "0.4"],
      ["dropout", 0.1, "0.2"],
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
