// A run without training: writes metrics like a real one, for tests of watching.
// node build/test/notebook/fake_run.js <folder> <steps> <pauseMs> <finish|die|fail> [wait]
// With "wait" it stops after half of its steps until a file `go` appears in the folder.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { appendMetric } from "guie/dist/runs/run_folder";
import { claimRun } from "guie/dist/runs/start_folder";

const folder = process.argv[2]!;
const [steps, pauseMs] = process.argv.slice(3, 5).map(Number) as [number, number];
const [ending, waits] = process.argv.slice(5);
const STEPS_PER_EPOCH = 40;

async function train(): Promise<void> {
  const release = claimRun(folder);
  writeFileSync(join(folder, "output.txt"), "reading the table\nfeatures: 100/5100 images\n");
  await pause(10 * pauseMs);
  for (let step = 1; step <= steps; step++) {
    await pause(pauseMs);
    measure(step);
    while (waits === "wait" && step === steps / 2 && !existsSync(join(folder, "go"))) await pause(10);
  }
  if (ending === "die") process.kill(process.pid, "SIGKILL");
  const failure = { reason: "failed", message: "the loss is not a number at step 3" } as const;
  appendMetric(folder, {
    kind: "end",
    ...(ending === "fail" ? failure : { reason: "finished" }),
    elapsedSeconds: steps,
  });
  release();
}

function measure(step: number): void {
  const epoch = Math.ceil(step / STEPS_PER_EPOCH);
  appendMetric(folder, {
    kind: "step",
    stage: "fine_tune",
    epoch,
    step,
    totalSteps: steps,
    loss: 12 * Math.exp(-step / 60) + Math.sin(step) / 2,
    learningRate: 5e-4,
    backboneLearningRate: 3e-5,
    margin: 0.3,
    imagesPerSecond: 15.2,
    dataSeconds: 0.01,
    memoryMB: 900,
    elapsedSeconds: step,
  });
  if (step % STEPS_PER_EPOCH !== 0) return;
  appendMetric(folder, {
    kind: "validation",
    epoch,
    step,
    loss: 5 / epoch,
    top1: 0.2 * epoch,
    top5: 0.25 * epoch,
    images: 256,
  });
  appendMetric(folder, { kind: "retrieval", epoch, step, mp5: 0.2 * epoch, r1: 0.21 * epoch, queries: 155 });
}

void train();
