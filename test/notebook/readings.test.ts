// The sentences below figures: their numbers are those of the data, and their advice follows from these.
import assert from "node:assert/strict";
import { test } from "node:test";
import { preset } from "guie/dist/config/presets";
import {
  balanceReading,
  duplicatesReading,
  preprocessReading,
  sizesReading,
} from "guie/dist/notebook/readings/data";
import {
  calibrationReading,
  comparisonReading,
  confusionReading,
  cosineReading,
  datasetsReading,
  foundReading,
  nearestReading,
  verdictReading,
} from "guie/dist/notebook/readings/retrieval";
import { costReading, gainReading, runReading, scheduleReading } from "guie/dist/notebook/readings/training";
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
  assert.match(textOf(runReading(view([0.4]))), /mP@5 is 0\.400\. A bad sign/, "one epoch has no trend");
  assert.match(
    textOf(runReading(view([0.5001, 0.5]))),
    /0\.500, as after epoch 1: more epochs change little/,
  );
  assert.match(textOf(runReading(view([0.5, 0.4]))), /0\.400, below the 0\.500 of epoch 1: .* take fewer/);
  assert.match(
    textOf(runReading({ steps: [], validations: [], retrievals: [] } as unknown as RunView)),
    /no step/,
  );
});

test("the reading of class sizes counts small and single classes", () => {
  const text = textOf(sizesReading([1, 5, 40, 300].map((images) => ({ images }))));
  assert.match(text, /^4 classes of 1 to 300 images, median 40; 50 % have fewer than 20\./);
  assert.match(text, /classes of one image \(here 1\)/);
  assert.equal(textOf(sizesReading([])), "There is no class.");
});

test("the reading of Data_preprocessing adds up the data sets", () => {
  const row = {
    dataset: "a",
    rowsIn: 600,
    classesIn: 9,
    rowsOut: 590,
    classesOut: 7,
    droppedAfterRejects: 0,
  };
  const text = textOf(
    preprocessReading([
      { ...row, rejected: 2 },
      { ...row, rejected: 0 },
    ]),
  );
  assert.match(text, /^1,180 images of 1,200 are left, in 14 of 18 classes\. 2 images could not be read/);
  assert.match(textOf(preprocessReading([{ ...row, rejected: 0 }])), /All images could be read\./);
});

test("the reading of duplicates counts two labels and leaks, a pair that is both in both", () => {
  const counts = {
    "two labels, train and validation": 1,
    "two labels": 2,
    "train and validation": 4,
    "same class": 8,
  };
  assert.match(
    textOf(duplicatesReading({ images: 50, counts })),
    /^Among 50 images, 3 pairs that look alike have two labels, and 5 pairs lie in training and validation\. Look at these/,
  );
});

test("the reading of data sets names the hardest, and its score without the others", () => {
  const rows = [
    rung("m", 0.5),
    { ...rung("m", 0.4), dataset: "a" },
    { ...rung("m", 0.7), dataset: "a", index: "own" as const },
    { ...rung("m", 0.6), dataset: "b" },
  ];
  assert.match(
    textOf(datasetsReading(rows)),
    /^The hardest data set is a: mP@5 0\.400 of 9 queries of 3 classes\. .* alone it would be 0\.700/,
  );
  assert.match(textOf(datasetsReading(rows.slice(0, 1))), /one data set/);
});

test("the reading of neighbours counts right nearest images, and queries without any", () => {
  const files = {
    queries: { files: ["x", "y", "z"], labels: Int32Array.of(1, 2, 3) },
    index: { files: ["a", "b"], labels: Int32Array.of(1, 2) },
  };
  const positions = [Int32Array.of(0, 1), Int32Array.of(0, 1), Int32Array.of(1, 0)];
  assert.match(
    textOf(nearestReading(files, { positions })),
    /^Of all 3 queries, 1 \(33 %\) have a right nearest image, and 1 have no right one among 2\./,
  );
});

test("the reading of a search compares classes where they are known", () => {
  const hit = (name: string | null, score: number) => ({
    rank: 1,
    score,
    file: "",
    path: "",
    class: name,
    verdict: null,
  });
  const query = (path: string, ...hits: ReturnType<typeof hit>[]) => ({
    query: path,
    path,
    hits,
    itself: [],
  });
  const photos = { searched: 20, embedded: 0, leftOut: [] };
  const queries = { folder: "/p", files: ["cat/1.jpg", "dog/1.jpg"], classes: ["cat", "dog"] };
  const results = [query("/p/cat/1.jpg", hit("cat", 0.9)), query("/p/dog/1.jpg", hit("cat", 0.4))];
  const text = textOf(foundReading({ results, photos }, queries));
  assert.match(text, /^For 1 of 2 queries the nearest of 20 photos has the query's class\. .* up to 0\.90/);
  assert.match(textOf(foundReading({ results, photos })), /^20 photos were searched\./);
});

test("the reading of cosines names the most similar pair and the mean of all", () => {
  const cosines = [
    [1, 0.2, 0.4],
    [0.2, 1, 0.9],
    [0.4, 0.9, 1],
  ];
  assert.match(
    textOf(cosineReading(cosines, ["a", "b", "c"])),
    /^Most alike are b and c: cosine 0\.90; the mean of all pairs is 0\.50\./,
  );
});

test("the readings of a verdict say what is promised, what is seen, and how true the probability is", () => {
  const verdict = {
    report: {
      threshold: { rate: 0.01, value: 0.7 },
      trueAccept: { mean: 0.6 },
      falseAccept: { mean: 0.004 },
      often: [{ label: 1, queries: 4, falseAccept: 0.25 }],
      auroc: { mean: 0.95 },
      calibration: { error: 0.03 },
    },
  } as unknown as Parameters<typeof verdictReading>[0];
  const text = textOf(verdictReading(verdict));
  assert.match(text, /^From a cosine of 0\.700 on, .* 60 % of .* 0\.4 % of those .* 1 % promised\./);
  assert.match(text, /for 25 % of its 4 queries/);
  assert.match(textOf(calibrationReading(verdict)), /differ by 0\.030 .* is 0\.950\./);
});

test("the readings before a run say its peak, its margin, its time and memory", () => {
  const frozen = { ...preset("demo", "frozen"), initLr: 0.02, margin: 0.4, marginStep: 0 };
  const text = textOf(
    scheduleReading({ frozen, later: { ...frozen, nEpochs: 3, marginStep: 0.1, margin: 0.2 } }),
  );
  assert.match(
    text,
    /^frozen peaks at 0\.02, with a margin of 0\.4; later peaks at 0\.02, with a margin that goes from/,
  );
  const cost = [
    { run: "frozen", together: "6 s", "memory, MB": 700 },
    { run: "fine_tune", together: "14 min", "memory, MB": 2345 },
  ];
  assert.match(
    textOf(costReading(cost)),
    /^frozen takes about 6 s, fine_tune takes about 14 min; the most memory is 2\.3 GB\./,
  );
});

test("the reading of two runs compares scores of the same queries alone", () => {
  const view = (mp5: number, fingerprint: string) =>
    ({
      retrievals: [{ mp5, r1: 0, on: { fingerprint }, untrained: { backbone: { mp5: 0.3, r1: 0 } } }],
    }) as unknown as RunView;
  assert.match(
    textOf(gainReading(view(0.5, "a"), view(0.6, "a"))),
    /^Fine-tuning gains 0\.100 of mP@5 .* 0\.500 becomes 0\.600\. Without any training it is 0\.300\./,
  );
  assert.match(textOf(gainReading(view(0.5, "a"), view(0.6, "b"))), /different queries/);
});
