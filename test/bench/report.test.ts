// The rows that benchmarks print.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";

test("a row's ratio is the median of the rounds' ratios, between its quartiles", async (t) => {
  const { row } = await import(pathToFileURL(installPath("bench", "shared/report.mjs")).href);
  const printed: string[] = [];
  t.mock.method(console, "log", (line: string) => printed.push(line));
  t.mock.method(console, "error", () => {});
  // The medians of both sides are 2; the rounds' ratios are 0.5, 2 and 3.
  row({ bench: "vit", case: "forward", unit: "images/s", peer: "torch", ours: [1, 2, 9], theirs: [2, 1, 3] });
  const { ours, theirs, ratio, ratioQuartiles, rounds } = JSON.parse(printed[0]!);
  assert.deepEqual({ ours, theirs, ratio, rounds }, { ours: 2, theirs: 2, ratio: 2, rounds: 3 });
  assert.ok(ratioQuartiles[0] <= ratio && ratio <= ratioQuartiles[1], String(ratioQuartiles));
});
