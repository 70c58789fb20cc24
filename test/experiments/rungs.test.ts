// The ladder of Inference: the existing runs, on their own data and backbone.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { type ConfigOverrides, overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { preset, tiny } from "guie/dist/config/presets";
import { rungsOf } from "guie/dist/experiments/rungs";
import { runFile, runFolder } from "guie/dist/runs/run_folder";

/** The rungs without training. */
const BELOW = ["pixels", "backbone", "whitened", "lda"];
const RUN = `test-rungs-${process.pid}`;

/** Makes a run with an empty checkpoint; it is deleted when the test ends. */
function makeRun(t: TestContext, name: string, stage: TrainConfig["stage"], overrides: ConfigOverrides = {}) {
  const folder = runFolder(name);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  const config = overrideConfig(tiny(stage), { runName: name, ...overrides });
  writeFileSync(runFile(folder, "config"), JSON.stringify(config));
  writeFileSync(runFile(folder, "last"), "");
}

test("one run is enough; two follow each other; data and backbone are those of the first", (t) => {
  assert.throws(() => rungsOf({ run: RUN }), { name: "UserError", message: /no trained run .*_fine_tune/ });
  makeRun(t, `${RUN}_frozen`, "frozen", { dataDir: "data/mine", imageSize: 56, holdOutShare: 0.2 });
  const one = rungsOf({ run: RUN });
  assert.deepEqual(one.models, [...BELOW, `${RUN}_frozen`]);
  assert.equal(one.model, `${RUN}_frozen`);
  const { dataDir, imageSize, tower, holdOutShare } = one.config;
  assert.deepEqual([dataDir, imageSize, tower, holdOutShare], ["data/mine", 56, "tiny", 0]);
  makeRun(t, `${RUN}_fine_tune`, "fine_tune");
  assert.equal(
    rungsOf({ run: RUN, model: `${RUN}_frozen` }).model,
    `${RUN}_frozen`,
    "not always the last rung",
  );
  const two = rungsOf({ run: RUN, dataDir: "data/other" });
  assert.deepEqual(two.models.slice(BELOW.length), [`${RUN}_frozen`, `${RUN}_fine_tune`]);
  assert.deepEqual(
    [two.model, two.config.dataDir, two.config.imageSize],
    [`${RUN}_fine_tune`, "data/other", 56],
  );
});

test("a run stands on the one that it started from, on its own data; a start that is gone is left out", (t) => {
  makeRun(t, `${RUN}_start`, "frozen", { dataDir: "data/other" });
  makeRun(t, `${RUN}_next`, "fine_tune", { initFrom: `${RUN}_start`, dataDir: "data/mine" });
  const { models, model, config } = rungsOf({ run: `${RUN}_next` });
  assert.deepEqual(models, [...BELOW, `${RUN}_start`, `${RUN}_next`]);
  assert.deepEqual([model, config.dataDir], [`${RUN}_next`, "data/mine"]);
  rmSync(runFolder(`${RUN}_start`), { recursive: true });
  assert.deepEqual(rungsOf({ run: `${RUN}_next` }).models, [...BELOW, `${RUN}_next`]);
});

test("a run by its own name, another model to show, a preset's backbone", (t) => {
  makeRun(t, RUN, "fine_tune");
  assert.deepEqual(rungsOf({ run: RUN }).models, [...BELOW, RUN]);
  assert.equal(rungsOf({ run: RUN }).config.stage, "frozen");
  const best = rungsOf({ run: RUN, model: `${RUN}/best` });
  assert.deepEqual([best.models.at(-1), best.model], [`${RUN}/best`, `${RUN}/best`]);
  assert.deepEqual(rungsOf({ run: RUN, preset: "demo" }).config, overrideConfig(preset("demo", "frozen")));
  const only = rungsOf({ run: "test-no-such-run", model: RUN });
  assert.deepEqual(only.models, [...BELOW, RUN]);
});
