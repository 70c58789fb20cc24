// EMA and SWA of a run of several processes equal those of one process with the same global batch.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { requestInterrupt } from "guie/dist/common/interrupt";
import type { TrainConfig } from "guie/dist/config/config";
import { openSafetensors } from "guie/dist/formats/safetensors";
import type { RetrievalMetric, ValidationMetric } from "guie/dist/runs/metrics";
import { readMetrics, runFile } from "guie/dist/runs/run_folder";
import { inProcesses, prepareRunFolder } from "guie/dist/runs/start_folder";
import { superviseRun } from "guie/dist/training/processes/supervisor";
import { runTraining } from "guie/dist/training/run";
import { largestDifference } from "../tensors";
import { removeRuns, runConfig, TOLERANCE } from "./rank_runs";
import { makeTinyData } from "./tiny_data";

/** Ten steps; the SWA averages the ends of three epochs. */
const AVERAGED = { nEpochs: 5, emaDecay: 0.8, swaStartEpoch: 3 } as const;
const TENSORS = ["ema.neck.weight", "ema.head.weight", "swa.neck.weight", "swa.head.weight"];

let dataDir: string;
let one: Outcome;

before(async () => {
  dataDir = await makeTinyData();
  const folder = prepareRunFolder(configOf("one", 1));
  await runTraining(folder);
  one = outcomeOf(folder);
});

after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  removeRuns();
});

const configOf = (name: string, processes: number, more: Partial<TrainConfig> = {}) =>
  runConfig(`averages-${name}`, dataDir, processes, { ...AVERAGED, ...more });

interface Outcome {
  validations: ValidationMetric[];
  retrievals: RetrievalMetric[];
  tensors: Map<string, Float32Array>;
}

function outcomeOf(folder: string): Outcome {
  const file = openSafetensors(runFile(folder, "last"));
  const names = [...TENSORS, "ema.n_averaged", "swa.n_averaged"];
  const tensors = new Map(names.map((name) => [name, file.read(name)]));
  file.close();
  const metrics = readMetrics(folder);
  return {
    validations: metrics.filter((metric) => metric.kind === "validation"),
    retrievals: metrics.filter((metric) => metric.kind === "retrieval"),
    tensors,
  };
}

function assertAsOne({ validations, retrievals, tensors }: Outcome): void {
  assert.deepEqual([...tensors.get("ema.n_averaged")!, ...tensors.get("swa.n_averaged")!], [10, 3]);
  for (const name of TENSORS) {
    const difference = largestDifference(tensors.get(name)!, one.tensors.get(name)!);
    assert.ok(difference < TOLERANCE, `${name} differs by ${difference}`);
  }
  assert.deepEqual(retrievals, one.retrievals);
  for (const kind of ["ema", "swa"] as const) {
    const [loss, expected] = [validations, one.validations].map((epochs) => epochs.at(-1)![kind]!.loss);
    assert.ok(Math.abs(loss! - expected!) < TOLERANCE * expected!, `${kind}: ${loss}, not ${expected}`);
  }
}

for (const shardHead of [false, true]) {
  test(`two processes average like one${shardHead ? ", with a sharded head" : ""}`, async () => {
    const folder = prepareRunFolder(configOf(`two-${shardHead}`, 2, { shardHead }));
    await superviseRun(folder);
    assertAsOne(outcomeOf(folder));
  });
}

test("the averages of one process continue in two", async () => {
  const config = configOf("goes-on", 1);
  const folder = prepareRunFolder(config);
  const { reason } = await runTraining(folder, {
    onProgress: ({ done, unit }) => {
      if (unit === "steps" && done === 7) requestInterrupt();
    },
  });
  assert.equal(reason, "stopped");
  await superviseRun(prepareRunFolder(inProcesses(config, { processes: 2, gpus: [] })));
  assertAsOne(outcomeOf(folder));
});
