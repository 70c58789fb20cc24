// Several processes give the losses of one process with the same global batch.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import type { TrainConfig } from "guie/dist/config/config";
import { readMetrics } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { superviseRun } from "guie/dist/training/processes/supervisor";
import { runTraining } from "guie/dist/training/run";
import { assertSameLosses, lossesOf, removeRuns, runConfig, TOLERANCE } from "./rank_runs";
import { makeTinyData } from "./tiny_data";

let dataDir: string;

before(async () => {
  dataDir = await makeTinyData();
});

after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  removeRuns();
});

const configOf = (name: string, processes: number, overrides: Partial<TrainConfig>) =>
  runConfig(`${name}-${processes}`, dataDir, processes, { nEpochs: 10, ...overrides });

async function trained(config: Readonly<TrainConfig>) {
  const folder = prepareRunFolder(config);
  const summary = config.processes === 1 ? await runTraining(folder) : await superviseRun(folder);
  const metrics = readMetrics(folder);
  const validation = metrics.filter((metric) => metric.kind === "validation");
  const retrieval = metrics.filter((metric) => metric.kind === "retrieval");
  return { summary, losses: lossesOf(folder), validation, retrieval };
}

const CASES: [string, number[], Partial<TrainConfig>][] = [
  ["plain", [2, 3], { dropout: 0.2 }],
  ["in pieces", [2], { accumulationSteps: 2 }],
  ["with adapters", [2], { loraRank: 2, dropout: 0.2, backboneLrFactor: 1 }],
  ["with a sharded head", [2, 3], { dropout: 0.2, shardHead: true }],
  ["with prefixes and a sharded head", [2], { dropout: 0.2, shardHead: true, matryoshka: [2, 4] }],
  [
    "with sharded sub-centres, in pieces",
    [2],
    { head: "Sub_Arc_face", accumulationSteps: 2, shardHead: true },
  ],
  [
    "with a pair loss",
    [2, 3],
    { dropout: 0.2, pairLoss: "SupCon", sampler: "m_per_class", samplesPerClass: 2 },
  ],
  [
    "with a pair loss of prefixes and a sharded head",
    [2],
    {
      ...{ shardHead: true, matryoshka: [4], pairLoss: "MultiSimilarity" },
      ...{ sampler: "m_per_class", samplesPerClass: 3 },
    },
  ],
  ["with batch norm", [3], { neck: "norm_double_linear", dropout: 0.2 }],
  ["with batch norm, in pieces", [2], { neck: "norm_single_linear", accumulationSteps: 2 }],
];

for (const [name, counts, overrides] of CASES) {
  test(`${counts.join(" and ")} processes give the losses of one over 20 steps, ${name}`, async () => {
    const one = await trained(configOf(name, 1, overrides));
    assert.equal(one.losses.length, 20);
    for (const count of counts) {
      const many = await trained(configOf(name, count, { ...overrides, bucketMB: 0.02 }));
      assert.equal(many.summary.reason, "finished");
      assertSameLosses(many.losses, one.losses);
      for (const [i, { images, loss }] of many.validation.entries()) {
        assert.equal(images, 6, "every image of the validation fold counts once");
        // The gradient of a bias before a batch norm is rounding noise, which Adam amplifies: only the running mean
        // shows it
        if (overrides.neck) continue;
        assert.ok(Math.abs(loss - one.validation[i]!.loss) < TOLERANCE * loss);
        assert.deepEqual(many.retrieval[i], one.retrieval[i]);
      }
    }
  });
}

test("gradients that are sent as bfloat16 give nearly the losses of float32", async () => {
  const settings = { bucketMB: 0.02, marginStep: 0 };
  const [whole, half] = [
    await trained(configOf("float32-gradients", 2, settings)),
    await trained(configOf("bfloat16-gradients", 2, { ...settings, gradientDtype: "bfloat16" })),
  ];
  const [first, last] = [whole.losses[0]!, whole.losses.at(-1)!];
  assert.equal(half.losses[0], first, "no gradients before the first step");
  assert.notEqual(half.losses.at(-1), last);
  // A gradient is rounded twice, before it is sent and as a sum, each time by at most 2^-8 of itself: the effect of a
  // step differs by at most 1 / 128 of itself, and so does the effect of all steps together
  const tolerance = (first - last) / 128;
  for (const [i, loss] of half.losses.entries()) {
    assert.ok(
      Math.abs(loss - whole.losses[i]!) < tolerance,
      `step ${i + 1}: ${loss}, not ${whole.losses[i]}`,
    );
  }
  const scores = half.validation.at(-1)!;
  assert.ok(Math.abs(scores.loss - whole.validation.at(-1)!.loss) < tolerance);
});
