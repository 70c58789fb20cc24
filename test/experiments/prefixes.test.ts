// Scores of the first numbers of vectors: by hand, and of a run that was trained for them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { climbLadder } from "guie/dist/experiments/ladder";
import { scorePrefixes, trainedPrefixes } from "guie/dist/experiments/prefixes";
import { runTraining } from "guie/dist/training/run";
import { guie } from "../in_process";
import { TinyRuns } from "../training/tiny_runs";

const runs = new TinyRuns("prefixes", { maxStepsPerEpoch: 4, nEpochs: 1 });
const [RUN, PLAIN] = ["matryoshka", "plain"].map((name) => runs.name(name)) as [string, string];

before(async () => {
  await runs.start();
  await runTraining(runs.prepare(RUN, { matryoshka: [2, 4] }, "frozen"));
  await runTraining(runs.prepare(PLAIN, {}, "frozen"));
});
after(() => runs.end());

test("a prefix is compared by its own cosine; lengths of the whole or more are left out", async () => {
  const rows = (data: number[]) => ({ data: Float32Array.from(data), count: 2, length: 2 });
  const set = (labels: number[]) => ({ files: ["a", "b"], labels });
  // The first number has the right sign; with the second, both queries are nearer to the other class
  const vectors = { name: "mine", queries: rows([0.1, 9, -0.1, -9]), index: rows([0.1, -9, -0.1, 9]) };
  const scores = await scorePrefixes(vectors, { queries: set([1, 2]), index: set([1, 2]) }, [1, 2, 3]);
  assert.deepEqual(scores, [{ length: 1, mp5: 1, r1: 1 }]);
});

test("the ladder has the prefixes that a run was trained for, or those that are asked for", async () => {
  assert.deepEqual(
    [trainedPrefixes(RUN), trainedPrefixes(PLAIN), trainedPrefixes("pixels")],
    [[2, 4], [], []],
  );
  const config = overrideConfig(tiny("frozen"), { dataDir: runs.dataDir });
  const lengthsOf = async (options: { prefixes?: number[] }) => {
    const rungs = await climbLadder(config, { [RUN]: RUN, [PLAIN]: PLAIN }, options);
    return rungs.slice(-2).map(({ prefixes }) => prefixes?.map(({ length }) => length));
  };
  assert.deepEqual(await lengthsOf({}), [[2, 4], undefined]);
  assert.deepEqual(await lengthsOf({ prefixes: [3] }), [[3], [3]]);
});

test("guie evaluate prints them below their run", async () => {
  const evaluate = ["evaluate", RUN, PLAIN, "--config-name", "tiny", "--data-dir", runs.dataDir];
  const { stdout } = await guie(...evaluate);
  assert.match(stdout, new RegExp(`${RUN} .*\\n  first 2 +\\d.*\\n  first 4 +\\d.*\\n${PLAIN} .*\\n\\d`));
  const { stdout: json } = await guie(...evaluate, "--json");
  assert.deepEqual(Object.keys((JSON.parse(json) as { prefixes: object }).prefixes), [RUN]);
  assert.match((await guie(...evaluate, "--prefixes", "0")).stderr, /--prefixes takes a whole number from 1/);
});

test("lengths that do not grow, or are not below the whole, are refused", () => {
  const refused = (matryoshka: number[]) => () => overrideConfig(tiny(), { matryoshka });
  assert.throws(refused([4, 2]), /matryoshka = \[4,2\]: the lengths must grow/);
  assert.throws(refused([8]), /below embeddingDim/);
});
