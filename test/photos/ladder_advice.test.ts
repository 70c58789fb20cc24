// The sentence at the end of `guie fit`, from tables made by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { adviceOf } from "guie/dist/photos/ladder_advice";
import type { ComparisonRow } from "guie/dist/retrieval/evaluation";

/** Makes a rung; `difference` is [mean, low, high] from `against`. */
function rung(
  model: string,
  against?: string,
  difference?: [number, number, number],
  classes = 27,
): ComparisonRow {
  const [mean, low, high] = difference ?? [0, 0, 0];
  const score = { mean: 0.5, low: 0.4, high: 0.6, difference: difference && { mean, low, high } };
  const scores = { mp5: score, r1: score, r5: score, r10: score, mapAtR: score };
  return {
    model,
    against,
    dataset: "all",
    index: "merged",
    queries: 9,
    queriesWithoutMatch: 0,
    classes,
    trainedOn: 0,
    scores,
  };
}

test("the highest rung that is better, interval and all, is the one to use", () => {
  const rows = [
    rung("backbone"),
    rung("shop_whitened", "backbone", [0.071, 0.04, 0.105]),
    rung("shop_lda", "shop_whitened", [-0.041, -0.067, -0.02]),
    rung("shop_fine_tune", "shop_whitened", [0.041, 0.012, 0.07]),
  ];
  const { model, text } = adviceOf(rows, [], {
    shop_fine_tune: "fine-tuning",
    shop_whitened: "whitening",
    shop_lda: "LDA",
  });
  assert.equal(model, "shop_fine_tune");
  assert.equal(
    text,
    "fine-tuning: +0.041 [+0.012, +0.070] mP@5 over whitening (27 held-out classes); use shop_fine_tune. LDA is worse than whitening: -0.041 [-0.067, -0.020].",
  );
});

test("without a difference that can be seen the untrained model is the one to use; few classes are named", () => {
  const rows = [
    rung("backbone", undefined, undefined, 3),
    rung("shop_frozen", "backbone", [0.1, -0.1, 0.3], 3),
  ];
  const { model, text } = adviceOf(rows);
  assert.equal(model, "backbone");
  assert.match(
    text,
    /^No model is clearly better than backbone \(3 held-out classes\); use backbone, which needs no training\. No clear difference between shop_frozen and backbone: \+0\.100 \[-0\.100, \+0\.300\]\./,
  );
  assert.match(text, /With 3 held-out classes a score means little/);
});

test("cross-validated rungs decide over the same rungs on few held-out classes", () => {
  const held = [
    rung("backbone", undefined, undefined, 3),
    rung("shop_whitened", "backbone", [0, -0.1, 0.1], 3),
    rung("shop_fine_tune", "backbone", [0.01, -0.1, 0.1], 3),
  ];
  const validated = [
    rung("backbone", undefined, undefined, 10),
    rung("shop_whitened", "backbone", [0.07, 0.04, 0.1], 10),
  ];
  const { model, text } = adviceOf(held, validated);
  assert.equal(model, "shop_whitened");
  assert.match(
    text,
    /\(cross-validated over 10 classes\); use shop_whitened\. No clear difference between shop_fine_tune and backbone: \+0\.010 \[-0\.100, \+0\.100\]\./,
  );
});
