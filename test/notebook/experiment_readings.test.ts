// The sentences below the figures of Experiments: their numbers, and the advice that follows from these.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SearchRow } from "guie/dist/experiments/search_rows";
import type { SweepRun } from "guie/dist/experiments/sweep";
import type { WiseLine } from "guie/dist/experiments/wise_ft";
import {
  gradientReading,
  hardestReading,
  marginReading,
  rateReading,
  soupReading,
  stepsReading,
  sweepReading,
  tuneReading,
  wiseReading,
} from "guie/dist/notebook/readings/experiments";

function textOf({ bundle }: { bundle: Record<string, unknown> }): string {
  return String(bundle["text/plain"]);
}

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

test("the reading of a sweep names the best, and the end of the range at which it lies", () => {
  const run = (initLr: number, margin: number, mp5: number) =>
    ({ settings: { initLr, margin }, mp5 }) as unknown as SweepRun;
  const inside = [run(0.01, 0.3, 0.4), run(0.02, 0.3, 0.6), run(0.03, 0.3, 0.5)];
  const text = textOf(sweepReading({ runs: inside }));
  assert.match(
    text,
    /^Best of 3 is `initLr: 0\.02`, `margin: 0\.3` with mP@5 0\.600; the worst has 0\.400\./,
  );
  assert.match(text, /Values on either side are worse/);
  const corner = [run(0.01, 0.3, 0.4), run(0.02, 0.5, 0.6), run(0.01, 0.5, 0.5), run(0.02, 0.3, 0.5)];
  assert.match(textOf(sweepReading({ runs: corner })), /a higher initLr and a higher margin may be better/);
  assert.equal(textOf(sweepReading({ runs: [] })), "No run has finished.");
});

test("the reading of a comparison over seeds gives interval, spread and verdict of each variation", () => {
  const row = (setting: string, mean: number, verdict: SearchRow["verdict"]) =>
    ({
      setting,
      verdict,
      seeds: [1, 2],
      difference: { mean, low: mean - 0.01, high: mean + 0.01, spread: 0.02 },
    }) as unknown as SearchRow;
  const base = { setting: "as it is", seeds: [1, 2] } as unknown as SearchRow;
  const found = textOf(
    tuneReading({ rows: [base, row("margin 0.3", 0.05, "better"), row("s 16", -0.005, "undecided")] }),
  );
  assert.match(
    found,
    /^margin 0\.3 gains 0\.050 over 2 seeds \(95 %: 0\.040 to 0\.060, 0\.020 between the seeds\): better\. s 16 loses 0\.005/,
  );
  assert.match(found, /can go into Train's `frozen`/);
  assert.match(textOf(tuneReading({ rows: [base, row("s 16", 0, "undecided")] })), /Keep the settings/);
  assert.match(textOf(tuneReading({ rows: [base] })), /^No variation/);
});

test("the reading of steps gives the way of the loss and how much it moves", () => {
  const steps = [3, 2, 4].map((loss) => ({ loss, learningRate: 0.1 }));
  assert.match(
    textOf(stepsReading(steps)),
    /^The loss goes from 3\.00 to 4\.00 in 3 steps; it moves by 2\.00/,
  );
});

test("the readings of single images count wrong ones and name the hardest", () => {
  const image = (margin: number, loss: number) => ({
    file: "",
    label: 1,
    predicted: margin < 0 ? 2 : 1,
    cosine: 0,
    margin,
    loss,
  });
  const examined = [image(-0.2, 5), image(0.1, 1), image(0.3, 0.5)];
  assert.match(
    textOf(marginReading(examined)),
    /^1 of 3 images \(33 %\) are nearer to another class; the median margin is 0\.10\./,
  );
  const names = new Map([
    [1, "cat"],
    [2, "dog"],
  ]);
  assert.match(
    textOf(hardestReading(examined, 2, names)),
    /^1 of these 2 are wrong; the hardest is cat, taken for dog, with a loss of 5\.00\./,
  );
});

test("the reading of gradients names the parts with the largest and the least", () => {
  const part = (name: string, ratio: number) => ({ part: name, gradient: ratio, weight: 1, ratio });
  assert.match(
    textOf(gradientReading([part("embed", 0.001), part("block00", 0.02), part("head", 0.5)])),
    /^The gradient is largest in head \(0\.50 times its weights\) and least in embed \(0\.0010\): 500 times less\./,
  );
});

test("the reading of a soup says whether the mean is better than its best ingredient", () => {
  const ingredient = (checkpoint: string, mp5: number, taken: boolean) => ({ checkpoint, mp5, taken });
  const two = {
    folder: "",
    ingredients: [ingredient("a", 0.5, true), ingredient("b", 0.4, true), ingredient("c", 0.3, false)],
    mp5: 0.55,
    chosenOn: "training-classes" as const,
  };
  assert.match(
    textOf(soupReading(two)),
    /^Of 3 models the soup takes 2; mP@5 0\.550, it gains 0\.050 against the best of them\. It was chosen on training/,
  );
  const alone = { ...two, ingredients: [ingredient("a", 0.5, true), ingredient("b", 0.4, false)], mp5: 0.5 };
  assert.match(textOf(soupReading(alone)), /takes 1; it is the best of them alone/);
});

test("the reading of a line names its highest alpha, and says who has chosen it", () => {
  const row = (mean: number) => ({ scores: { mp5: { mean } } });
  const line = (...points: number[]) =>
    ({
      run: "tuned",
      alphas: [0, 0.5, 1],
      scores: [{ dataDir: "data/a", classes: "held-out-classes", rows: [0.3, ...points].map(row) }],
    }) as unknown as WiseLine;
  const part = textOf(wiseReading(line(0.4, 0.7, 0.6)));
  assert.match(part, /^Highest is alpha 0\.5: mP@5 0\.700, against 0\.600 of tuned itself and 0\.300 of/);
  assert.match(part, /`npx guie soup backbone tuned --take 0\.5 --out NAME`.* too good to report/);
  assert.match(textOf(wiseReading(line(0.7, 0.5, 0.6))), /fine-tuning has gained nothing here/);
  assert.match(textOf(wiseReading(line(0.4, 0.5, 0.6))), /The whole way is best here/);
  const other = line(0.4, 0.5, 0.6);
  const scores = [
    ...other.scores,
    { ...other.scores[0]!, dataDir: "data/b", rows: [0.8, 0.8, 0.7, 0.6].map(row) },
  ];
  const forgotten = textOf(wiseReading({ ...other, scores } as unknown as WiseLine));
  assert.match(forgotten, /On data\/b the run's end loses 0\.200 against the untrained backbone/);
});
