// query_scores.csv and the seconds of a run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Metric } from "guie/dist/runs/metrics";
import { readQueryScores, writeQueryScores } from "guie/dist/runs/query_scores";
import { secondsOf } from "guie/dist/runs/run_seconds";
import { temporaryFolder, writeFile } from "../folders";

test("scores are read as they were written, with averages and queries that do not count", async (t) => {
  const folder = temporaryFolder(t);
  assert.equal(await readQueryScores(folder), undefined);
  const scores = (mp5: number[], r1: number[]) => ({
    mp5: Float64Array.from(mp5),
    r1: Float64Array.from(r1),
  });
  const written = {
    files: ["a, b.jpg", "c.jpg"],
    labels: Int32Array.of(3, 7),
    byKind: new Map([
      ["raw", scores([0.2, Number.NaN], [1, Number.NaN])],
      ["ema", scores([1 / 3, Number.NaN], [0, Number.NaN])],
    ] as const),
  };
  await writeQueryScores(folder, written);
  assert.deepEqual(await readQueryScores(folder), written);
  assert.equal(
    readFileSync(join(folder, "query_scores.csv"), "utf8").split("\n")[0],
    "image_files,labels,mp5,r1,mp5_ema,r1_ema",
  );
});

test("a damaged file is named, with the cell", async (t) => {
  const folder = temporaryFolder(t);
  writeFile(join(folder, "query_scores.csv"), "image_files,labels,mp5,r1\na.jpg,1,2,0\n");
  await assert.rejects(
    readQueryScores(folder),
    /score from 0 to 1 in .*query_scores.csv, row 1: "mp5", got "2"/,
  );
});

test("the seconds of a run are those of all its starts", () => {
  const step = (elapsedSeconds: number) => ({ kind: "step", elapsedSeconds }) as Metric;
  const end = { kind: "end", reason: "finished", elapsedSeconds: 7 } as const;
  assert.equal(secondsOf([step(1), step(2), end]), 7);
  assert.equal(secondsOf([step(1), step(20), step(3), step(5), end]), 27);
  assert.equal(secondsOf([]), 0);
});
