// The words of --vary: settings, values, stages, settings that change together.
import assert from "node:assert/strict";
import { test } from "node:test";
import { choicesText, parseVariation, refuseUselessChoices } from "guie/dist/experiments/variations";

const valuesOf = (text: string) => parseVariation(text).map((choices) => choices.map(({ value }) => value));

test("numbers, words, booleans, JSON", () => {
  assert.deepEqual(valuesOf("margin=0.2,0.3,1e-1"), [[0.2], [0.3], [0.1]]);
  assert.deepEqual(valuesOf("neck=simple,norm_single_linear"), [["simple"], ["norm_single_linear"]]);
  assert.deepEqual(valuesOf("standardise=false,true"), [[false], [true]]);
  assert.deepEqual(valuesOf("gpus=[0,1],[]"), [[[0, 1]], [[]]]);
  assert.deepEqual(valuesOf('gpus=[{"name": "a, b", "range": [1, 2]}] s=3'), [
    [[{ name: "a, b", range: [1, 2] }], 3],
  ]);
  assert.deepEqual(valuesOf('csv=2020,"a, b.csv"'), [["2020"], ["a, b.csv"]], "text stays text");
});

test("settings of one word change together, with a stage each", () => {
  assert.deepEqual(parseVariation("s=16,20 fine_tune.margin=0").map(choicesText), [
    "s 16, fine_tune.margin 0",
    "s 20, fine_tune.margin 0",
  ]);
  assert.equal(choicesText([]), "as it is");
  assert.equal(choicesText(parseVariation("gpus=[0,1]")[0]!), "gpus [0,1]");
});

test("wrong words are refused", () => {
  for (const text of ["margin", "margin=", "=3", "margin=1=2", "other.margin=1", ""])
    assert.throws(() => parseVariation(text), { name: "UserError", message: /Expected SETTING=VALUE/ }, text);
  assert.throws(() => parseVariation("marginn=1"), /Did you mean "margin"/);
  assert.throws(() => parseVariation("margin=1,1.0"), /different values/);
  assert.throws(() => parseVariation("gpus=[0"), /--vary gpus: \[0 is no JSON/);
});

test("a setting that the stage does not use is refused", () => {
  const choices = (text: string) => parseVariation(text).flat();
  assert.throws(
    () => refuseUselessChoices(choices("trainedBlocks=1"), ["frozen"]),
    /without --stage fine_tune/,
  );
  assert.throws(
    () => refuseUselessChoices(choices("neckStart=whitened"), ["fine_tune"]),
    /without --stage both/,
  );
  assert.throws(() => refuseUselessChoices(choices("fine_tune.margin=0"), ["frozen"]), /--stage fine_tune/);
  refuseUselessChoices(choices("trainedBlocks=1 neckStart=whitened"), ["frozen", "fine_tune"]);
});
