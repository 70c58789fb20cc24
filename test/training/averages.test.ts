// EMA and SWA, compared with PyTorch's (golden/training.json, made by golden/make_training.py), and over whole runs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { requestInterrupt } from "guie/dist/common/interrupt";
import { installPath } from "guie/dist/common/project";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { Program } from "guie/dist/engine/program/program";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { decodeEvent, eventFiles } from "guie/dist/runs/event_files";
import { viewRun } from "guie/dist/runs/follow";
import { checkpointFile } from "guie/dist/runs/kept_checkpoints";
import { readMetrics, runFile, runFolder } from "guie/dist/runs/run_folder";
import { evaluationTable } from "guie/dist/runs/run_status";
import { readRecords } from "guie/dist/runs/tfrecord";
import { runTraining } from "guie/dist/training/run";
import { createAverages } from "guie/dist/training/step/averages";
import { largestDifference } from "../tensors";
import { TinyRuns } from "./tiny_runs";

const STEPS_PER_EPOCH = 2;
const EPOCHS = 3;
const runs = new TinyRuns("averages", { maxStepsPerEpoch: STEPS_PER_EPOCH, nEpochs: EPOCHS });
before(() => runs.start());
after(() => runs.end());
const AVERAGED = {
  emaDecay: 0.8,
  swaStartEpoch: 2,
  neck: "norm_single_linear",
  keepEverySteps: 1,
  keepCheckpoints: 0,
} as const;

/** Reads all tensors of a checkpoint. */
function tensorsOf(path: string): Map<string, Float32Array> {
  const file = openSafetensors(path);
  const tensors = new Map([...file.tensors.keys()].map((name) => [name, file.read(name)]));
  file.close();
  return tensors;
}

test("EMA and SWA equal PyTorch's AveragedModel, including a batch norm's running values", async () => {
  type Values = Record<string, number[]>;
  const golden = JSON.parse(readFileSync(installPath("test/golden/training.json"), "utf8")) as {
    averages: { decay: number; states: Values[]; expected: { ema: Values; swa: Values }[] };
  };
  const { decay, states, expected } = golden.averages;
  using program = new Program();
  const shapes = new Map(Object.entries(states[0]!).map(([name, values]) => [name, [values.flat().length]]));
  for (const [name, shape] of shapes) program.variable(name, { shape });
  const averages = await createAverages(program, shapes, { emaDecay: decay, swaStartEpoch: 1 });
  for (const [i, state] of states.entries()) {
    for (const [name, values] of Object.entries(state)) await program.assign(name, values.flat());
    await averages.update({ epoch: i + 1, stepInEpoch: 1 }, 1);
    for (const kind of ["ema", "swa"] as const) {
      for (const [name, values] of Object.entries(expected[i]![kind])) {
        const ours = (await program.read(`${kind}.${name}`)).data as Float32Array;
        assert.ok(
          largestDifference(ours, Float32Array.from(values.flat())) < 5e-7,
          `${kind}.${name} after ${i + 1} states`,
        );
      }
    }
  }
});

/** Computes the averages from a run's checkpoints of every step, in double precision. */
function recomputed(folder: string, name: string, steps: number): { ema: number[]; swa: number[] } {
  let [ema, swa]: [number[], number[]] = [[], []];
  let epochs = 0;
  for (let step = 1; step <= steps; step++) {
    const now = [...tensorsOf(checkpointFile(folder, `step_${step}`)).get(name)!];
    ema =
      step === 1 ? now : ema.map((mean, i) => AVERAGED.emaDecay * mean + (1 - AVERAGED.emaDecay) * now[i]!);
    if (step % STEPS_PER_EPOCH !== 0 || step / STEPS_PER_EPOCH < AVERAGED.swaStartEpoch) continue;
    epochs++;
    swa = epochs === 1 ? now : swa.map((mean, i) => mean + (now[i]! - mean) / epochs);
  }
  return { ema, swa };
}

test("a run's EMA and SWA are those of its steps; a run that was stopped and resumed has the same", async () => {
  const unbroken = runs.prepare("unbroken", AVERAGED);
  await runTraining(unbroken);
  const last = tensorsOf(runFile(unbroken, "last"));
  const weights = [...last.keys()].filter((name) => last.has(`ema.${name}`));
  assert.ok(weights.includes("neck.norm.running_var") && weights.includes("visual.conv1.weight"));
  for (const name of weights) {
    const { ema, swa } = recomputed(unbroken, name, EPOCHS * STEPS_PER_EPOCH);
    const scale = Math.max(1e-3, ...ema.map(Math.abs));
    assert.ok(
      largestDifference(last.get(`ema.${name}`)!, Float32Array.from(ema)) < 1e-6 * scale,
      `EMA of ${name}`,
    );
    assert.ok(
      largestDifference(last.get(`swa.${name}`)!, Float32Array.from(swa)) < 1e-6 * scale,
      `SWA of ${name}`,
    );
    assert.ok(
      largestDifference(last.get(name)!, Float32Array.from(ema)) > 0,
      `${name} is not its own average`,
    );
  }
  const stopped = runs.prepare("stopped", AVERAGED);
  const first = await runTraining(stopped, {
    onProgress: ({ done, unit }) => {
      if (unit === "steps" && done === 5) requestInterrupt();
    },
  });
  assert.equal(first.reason, "stopped");
  assert.equal(tensorsOf(runFile(stopped, "last")).get("swa.n_averaged")![0], 1);
  assert.equal((await runTraining(stopped)).reason, "finished");
  assert.ok(readFileSync(runFile(stopped, "last")).equals(readFileSync(runFile(unbroken, "last"))));
});

test("averages are evaluated with the weights: in the metrics, the log, TensorBoard's events and the table", () => {
  const folder = runFolder(runs.name("unbroken"));
  const measured = readMetrics(folder).filter(({ kind }) => kind === "validation" || kind === "retrieval");
  assert.deepEqual(
    measured.map((metric) => ["ema" in metric, "swa" in metric]),
    [1, 1, 2, 2, 3, 3].map((epoch) => [true, epoch >= AVERAGED.swaStartEpoch]),
  );
  assert.match(
    readFileSync(runFile(folder, "log"), "utf8"),
    /Retrieval \(EMA\): epoch 1 mP@5 [01]\.\d{3} R@1/,
  );
  const events = eventFiles(folder).flatMap((path) => [...readRecords(readFileSync(path))]);
  const tags = events.flatMap(({ data }) => decodeEvent(data).summary?.value.map(({ tag }) => tag) ?? []);
  const count = (tag: string) => tags.filter((one) => one === tag).length;
  assert.deepEqual(
    ["", "_ema", "_swa"].map((end) => count(`held_out/mP@5${end}`)),
    [3, 3, 2],
  );
  assert.deepEqual(
    ["", "_ema", "_swa"].map((end) => count(`validation/loss${end}`)),
    [3, 3, 2],
  );
  const { columns, rows } = evaluationTable(viewRun(folder));
  assert.equal(columns.length, 1 + 3 * 5);
  const place = columns.indexOf("SWA held-out mP@5");
  assert.deepEqual(
    rows.map((row) => row[place] === undefined),
    [true, false, false],
  );
});

test("a run without averages has none of their variables, and `bestOf` cannot name them", async () => {
  const folder = runs.prepare("plain", { nEpochs: 1 });
  await runTraining(folder);
  const names = [...tensorsOf(runFile(folder, "last")).keys()];
  assert.deepEqual(
    names.filter((name) => /^(ema|swa)\./.test(name)),
    [],
  );
  assert.throws(() => overrideConfig(tiny(), { bestOf: "ema" }), /bestOf = "ema": there is no EMA/);
  assert.throws(() => overrideConfig(tiny(), { swaStartEpoch: 3 }), /swaStartEpoch = 3: the run ends before/);
});

test("`best` is the epoch with the best SWA", async () => {
  const folder = runs.prepare("best", { ...AVERAGED, bestOf: "swa" });
  await runTraining(folder);
  const scores = readMetrics(folder).filter((metric) => metric.kind === "retrieval");
  const best = scores.reduce((one, other) => ((other.swa?.mp5 ?? -1) > (one.swa?.mp5 ?? -1) ? other : one));
  const file = openSafetensors(checkpointFile(folder, "best"));
  file.close();
  assert.equal(Number(file.metadata.step), best.step);
  assert.ok(best.epoch >= AVERAGED.swaStartEpoch);
});
