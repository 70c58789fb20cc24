// The learning-rate range test: its suggestions on curves that a person can read, and a tiny run.
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { lrFind, smoothedLosses, suggestedRates } from "guie/dist/experiments/lr_find";
import { lrFigure } from "guie/dist/notebook/tweak/lr_figure";
import { makeTinyData } from "../training/tiny_data";

test("the suggestions: the middle of the longest fall, and where it is steepest", () => {
  const rates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1];
  // falls from the first to the fifth rate, most between 1e-2 and 1e-1; then it diverges
  assert.deepEqual(suggestedRates(rates, [6, 5.9, 5.5, 5, 3, 9]), { valley: 1e-3, steepest: 1e-2 });
  // a short dip at the start is not the longest fall
  assert.equal(suggestedRates([...rates, 10], [5, 4.9, 5.5, 5.2, 5, 4.5, 4]).valley, 1e-1);
});

test("the ends of a curve, where few losses are averaged, are not its steepest place", () => {
  const rates = Array.from({ length: 50 }, (_, i) => 10 ** (i / 10 - 5));
  const curve = rates.map((_, i) => (i < 20 ? 12 : i < 30 ? 12 - 0.5 * (i - 20) : 7)); // falls from step 20 to 30
  assert.deepEqual(suggestedRates(rates, [...curve.slice(0, 49), 5]).steepest, 0.001);
  assert.deepEqual(suggestedRates(rates, [14, ...curve.slice(1)]).steepest, 0.001);
});

test("a smoothed loss is the mean of those around it; the ends stay", () => {
  assert.deepEqual(smoothedLosses([4, 1, 1, 4]), [4, 2, 2, 4]);
});

test("a range test on features and of all parts: seeded, it leaves no run and ends when the loss diverges", async (t) => {
  const dataDir = await makeTinyData();
  t.after(() => rmSync(dataDir, { recursive: true }));
  // runs of tests in other files come and go meanwhile
  const isOfAnotherTest = (name: string) => /^\.?test-/.test(name);
  const runs = () =>
    readdirSync(projectPath("checkpoints"))
      .filter((name) => !isOfAnotherTest(name))
      .sort();
  const before = runs();
  const frozen = overrideConfig(preset("tiny", "frozen"), { dataDir, marginStep: 0.1 });
  const found = await lrFind(frozen, { steps: 12 });
  assert.deepEqual(await lrFind(frozen, { steps: 12 }), found);
  assert.equal(found.rates.length, 12);
  assert.deepEqual([found.rates[0], found.rates.at(-1)], [1e-5, 1]);
  assert.ok(Math.abs(found.rates[1]! / found.rates[0]! - 1e5 ** (1 / 11)) < 1e-9, "equal factors");
  const whole = overrideConfig(preset("tiny", "fine_tune"), { dataDir, initFrom: "" });
  const high = await lrFind(whole, { from: 1e-3, to: 1e8, steps: 40 });
  assert.ok(high.rates.length < 40 && /from the rate .* on$/.test(high.ended), high.ended);
  assert.deepEqual(runs(), before);
  await assert.rejects(lrFind(frozen, { from: 1, to: 0.1 }), /from 1 to 0.1 in 100/);
  const { data, layout } = lrFigure(found);
  assert.deepEqual(
    data.map(({ name }) => name),
    ["loss", "smoothed", "valley", "steepest", "config"],
  );
  assert.equal((layout as { xaxis: { type: string } }).xaxis.type, "log");
});
