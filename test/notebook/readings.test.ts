// The sentences below figures: their numbers are those of the data, and their advice follows from these.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  balanceReading,
  comparisonReading,
  confusionReading,
  rateReading,
  runReading,
} from "guie/dist/notebook/readings/readings";
import type { ComparisonRow } from "guie/dist/retrieval/evaluation";
import type { RunView } from "guie/dist/runs/follow";
import type { ClassBalance } from "guie/dist/tables/balance";

function textOf({ bundle }: { bundle: Record<string, unknown> }): string {
  return String(bundle["text/plain"]);
}

test("the reading of a balance names the sizes before and after, of all data sets together", () => {
  const row = (values: Partial<ClassBalance>): ClassBalance => ({
    stage: "merged",
    dataset: "all",
    classes: 2,
    images: 10,
    min: 2,
    median: 5,
    max: 8,
    shareUnder20: 1,
    gini: 0.3,
    ...values,
  });
  const balance = [
    row({ dataset: "shop", min: 7 }),
    row({}),
    row({ stage: "balanced", min: 20, median: 20, max: 20, gini: 0 }),
  ];
  const text = textOf(balanceReading(balance, "merged", "balanced"));
  assert.match(text, /^Classes of 2 to 8 \(median 5\) images become classes of 20 to 20 \(median 20\) rows;/);
  assert.match(text, /from 0\.30 to 0\.00 .* 100 % of the classes had fewer than 20 images/);
  assert.match(textOf(balanceReading([], "merged", "balanced")), /have not been run/);
});

/** A rung of the ladder with one mP@5 for all measures. */
function rung(model: string, mean: number, gain?: [low: number, mean: number, high: number]): ComparisonRow {
  const difference = gain && { low: gain[0], mean: gain[1], high: gain[2] };
  const score = { mean, low: mean - 0.1, high: mean + 0.1, difference };
  return {
    model,
    against: gain && "backbone",
    dataset: "all",
    index: "merged",
    queries: 9,
    queriesWithoutMatch: 0,
    classes: 3,
    trainedOn: 0,
    scores: { mp5: score, r1: score, mapAtR: score } as ComparisonRow["scores"],
  };
}

test("the reading of a comparison names the best model, and says whether the last gain is decided", () => {
  const backbone = rung("backbone", 0.5);
  const sure = textOf(comparisonReading([backbone, rung("tuned", 0.6, [0.05, 0.1, 0.15])]));
  assert.match(sure, /^Best is tuned: mP@5 0\.600, and in 95 % .* 0\.500 to 0\.700\./);
  assert.match(sure, /tuned gains 0\.100 against backbone; the interval of the difference excludes zero/);
  const open = textOf(comparisonReading([backbone, rung("tuned", 0.45, [-0.1, -0.05, 0.02])]));
  assert.match(open, /^Best is backbone: mP@5 0\.500.*tuned loses 0\.050 against backbone; .* holds zero/);
});

test("names in a reading are escaped, settings are code", () => {
  const { bundle } = comparisonReading([rung("<script>", 0.5)]);
  const html = String(bundle["text/html"]);
  assert.match(html, /^<p>Best is &lt;script&gt;:/);
  assert.match(html, /lower <code>initLr<\/code> or/);
});

test("the reading of a confusion counts wrong neighbours, and the share within a data set", () => {
  const rows = [
    { dataset: "a", queries: 10, wrong: 4, shares: { a: 0.75, b: 0.25 } },
    { dataset: "b", queries: 10, wrong: 1, shares: { a: 1, b: 0 } },
  ];
  assert.match(
    textOf(confusionReading(rows)),
    /^5 of 20 queries .*, 60 % come from the query's own data set/,
  );
  assert.equal(
    textOf(confusionReading([{ dataset: "a", queries: 3, wrong: 0, shares: {} }])),
    "Every nearest neighbour is right.",
  );
});

test("the reading of a range test keeps a rate that lies in the fall, and names another otherwise", () => {
  const range = {
    stage: "frozen" as const,
    rates: [],
    losses: [],
    smoothed: [],
    valley: 0.003,
    steepest: 0.024,
    ended: "",
  };
  assert.match(
    textOf(rateReading({ ...range, initLr: 0.02 })),
    /between 0\.003 and 0\.024; .* lies there\. Keep it\./,
  );
  assert.match(
    textOf(rateReading({ ...range, initLr: 0.0001 })),
    /is lower than both\. Try `initLr: 0\.024`/,
  );
  assert.match(textOf(rateReading({ ...range, initLr: 1 })), /is higher than both\. Try/);
});

test("the reading of a run tells from the epochs whether to train longer", () => {
  const view = (mp5: number[]) =>
    ({
      steps: [{ step: 8, loss: 2.5 }],
      validations: [{ epoch: 1, top1: 0.25 }],
      retrievals: mp5.map((value, index) => ({ epoch: index + 1, mp5: value, r1: 0 })),
    }) as unknown as RunView;
  const rising = textOf(runReading(view([0.3, 0.4])));
  assert.match(rising, /^After 8 steps the training loss is 2\.50\. 25 % of the validation images/);
  assert.match(rising, /mP@5 is 0\.400, its highest: more epochs may help/);
  assert.match(textOf(runReading(view([0.4]))), /mP@5 is 0\.400\. Bad/, "one epoch has no trend");
  assert.match(textOf(runReading(view([0.5, 0.4]))), /0\.400, below the 0\.500 of epoch 1: .* take fewer/);
  assert.match(
    textOf(runReading({ steps: [], validations: [], retrievals: [] } as unknown as RunView)),
    /no step/,
  );
});
