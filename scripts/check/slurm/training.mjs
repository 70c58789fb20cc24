// Training jobs of the check: a run on two nodes that is left alone, cancelled, loses a node, or meets its time limit.
// Each must end with the losses and scores of one process.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { guie, root } from "./guie.mjs";
import { isOver, Job } from "./jobs.mjs";
import { processes } from "./processes.mjs";

const require = createRequire(import.meta.url);
const { readMetrics, runFolder } = require("guie/dist/runs/run_folder");
const { lossesOf, stepsTaken, TOLERANCE } = require(join(root, "build/test/training/rank_runs.js"));

const SCRIPT = "scripts/cluster/train.sbatch";
const GLOBAL_BATCH = 12;
const STEPS_PER_EPOCH = 2;
/** Epochs of the runs that are not stopped by the clock. */
const EPOCHS = 40;
/** A run that meets a time limit of one minute twice must last longer than this. */
const LONG_SECONDS = 120;
/** Time for a job, requeued once or twice. */
const PATIENCE_SECONDS = 600;
/** Steps after which a run is disturbed. */
const SOON = 20;

/** Runs training jobs on a cluster. */
export class TrainingCases {
  /** The row of what the others are compared with. */
  standard = "training in one process";
  #cluster;
  #folder;
  #dataDir;

  /** @param folder folder of the jobs' output */
  constructor(cluster, folder, dataDir) {
    this.#cluster = cluster;
    this.#folder = folder;
    this.#dataDir = dataDir;
  }

  /** Trains the run of one process; most others are compared with it. */
  async prepare() {
    const startedAtMs = Date.now();
    await this.#trainAlone("one", EPOCHS);
    return (Date.now() - startedAtMs) / 1000;
  }

  /** Returns the cases: { what, nodes, run }, where run resolves to a note on what was compared. */
  all() {
    const two = (what, run) => ({ what, nodes: 2, run });
    return [
      two("training", () => this.#undisturbed()),
      two("training, two tasks and two GPUs (of no use) per node", () => this.#withGpus()),
      two("training, `scancel` in mid-run, submitted again", () => this.#cancelled()),
      two("training, the second node dies", () => this.#lostNode("n2")),
      two("training, the first node dies (chief and job script)", () => this.#lostNode("n1")),
      two("training, requeued at its time limit, twice", () => this.#atLimit()),
    ];
  }

  async #undisturbed() {
    const job = this.#submit("two");
    await this.#finished(job, 0);
    const note = equalTo("two", "one");
    // A finished run that is submitted again ends at once, on both nodes
    await this.#finished(this.#submit("two"), 0);
    return note;
  }

  async #withGpus() {
    const options = ["--gpus-per-node=2", "--ntasks-per-node=2"];
    const job = this.#submit("gpus", { tasks: 4, options });
    await stepsTaken(runFolder("gpus"), 1);
    assert.deepEqual(gpusOfRanks(), { 0: "0", 1: "1", 2: "0", 3: "1" });
    await this.#finished(job, 0);
    return equalTo("gpus", "one");
  }

  async #cancelled() {
    const first = this.#submit("cancelled");
    await stepsTaken(runFolder("cancelled"), SOON);
    this.#cluster.run("scancel", first.id);
    const [{ state, restarts }] = await first.over(60);
    assert.deepEqual([state, restarts], ["CANCELLED", 0]);
    assertUnfinished("cancelled", EPOCHS);
    await this.#finished(this.#submit("cancelled"), 0);
    return equalTo("cancelled", "one");
  }

  async #lostNode(node) {
    const name = `without-${node}`;
    const job = this.#submit(name);
    await stepsTaken(runFolder(name), SOON);
    await this.#cluster.killNode(node);
    assertUnfinished(name, EPOCHS);
    await job.until(([{ restarts }]) => restarts > 0, PATIENCE_SECONDS);
    this.#cluster.startNode(node);
    await this.#finished(job);
    return equalTo(name, "one");
  }

  async #atLimit() {
    const options = ["--time=1", "--signal=B:USR1@15"];
    const epochs = longEpochs();
    const job = this.#submit("limited", { epochs, options });
    const [{ state }] = await job.until(
      ([{ restarts, state: now }]) => restarts === 2 || isOver(now),
      PATIENCE_SECONDS,
      { isHurried: true },
    );
    assert.ok(!isOver(state), `${state} before the second limit: the machine has become faster; check again`);
    assertUnfinished("limited", epochs);
    job.extend(30);
    await this.#finished(job, 2);
    // Rounding grows over so many steps: only two processes that nobody disturbs can be compared with
    await this.#trainAlone("two-long", epochs, 2);
    return `${equalTo("limited", "two-long")} (two processes without Slurm)`;
  }

  #submit(name, { tasks = 2, epochs = EPOCHS, options = [] } = {}) {
    const settings = this.#settings(name, tasks, epochs);
    return new Job(this.#cluster, this.#folder, ["--nodes=2", ...options], SCRIPT, settings);
  }

  async #trainAlone(name, epochs, processes = 1) {
    await guie("train", "--processes", `${processes}`, ...this.#settings(name, processes, epochs));
  }

  #settings(name, tasks, epochs) {
    return [
      ...["--config-name", "tiny", "--stage", "fine_tune", "--data-dir", this.#dataDir, "--run-name", name],
      ...["--batch-size", `${GLOBAL_BATCH / tasks}`, "--n-epochs", `${epochs}`, "--set", "cpktSteps=5"],
      ...["--set", `maxStepsPerEpoch=${STEPS_PER_EPOCH}`, "--set", "marginStep=0"],
    ];
  }

  /** Waits for the end of a job, which must be good. @param restarts how often it must have been requeued; default: any */
  async #finished(job, restarts) {
    const [record] = await job.over(PATIENCE_SECONDS, { isHurried: true });
    assert.equal(record.state, "COMPLETED", job.output());
    if (restarts !== undefined) assert.equal(record.restarts, restarts, job.output());
  }
}

/** Returns how many epochs take LONG_SECONDS, at the rate of the fastest run so far: a busy machine may become idle. */
function longEpochs() {
  const finished = ["one", "two", "gpus"].map(runFolder).filter((folder) => existsSync(folder));
  const seconds = finished.map(
    (folder) => readMetrics(folder).findLast(({ kind }) => kind === "step").elapsedSeconds,
  );
  return Math.ceil((EPOCHS * LONG_SECONDS) / Math.min(...seconds));
}

/** Returns CUDA_VISIBLE_DEVICES of the ranks' processes on all nodes, by rank. */
function gpusOfRanks() {
  const ranks = {};
  for (const { environment } of processes()) {
    const rank = /"index":(\d+)/.exec(environment.TF_CONFIG)?.[1];
    if (environment.GUIE_SUPERVISOR && rank !== undefined) ranks[rank] = environment.CUDA_VISIBLE_DEVICES;
  }
  return ranks;
}

/** Asserts that a run was disturbed before its end. */
function assertUnfinished(name, epochs) {
  const steps = lossesOf(runFolder(name)).length;
  assert.ok(steps < STEPS_PER_EPOCH * epochs, `${name}: the disturbance came after the last step`);
}

/**
 * Compares a run with one that nobody has disturbed: losses and scores.
 * @returns a note for the table
 * @throws if one differs by more than TOLERANCE of itself
 */
function equalTo(name, undisturbed) {
  const [values, expected] = [name, undisturbed].map((run) => valuesOf(runFolder(run)));
  assert.deepEqual(
    values.map(({ what }) => what),
    expected.map(({ what }) => what),
  );
  let largest = 0;
  for (const [i, { what, value }] of values.entries()) {
    const difference = Math.abs(value - expected[i].value) / Math.max(Math.abs(expected[i].value), 1);
    assert.ok(difference < TOLERANCE, `${name}: ${what}: ${value} instead of ${expected[i].value}`);
    largest = Math.max(largest, difference);
  }
  const end = readMetrics(runFolder(name)).at(-1);
  assert.equal(end.reason, "finished");
  const [files, expectedFiles] = [name, undisturbed].map(filesOf);
  assert.deepEqual(files, expectedFiles);
  return `${lossesOf(runFolder(name)).length} losses and all scores to ${largest.toExponential(1)}`;
}

/** Returns every loss and score of a run, in order. */
function valuesOf(folder) {
  return readMetrics(folder).flatMap(({ kind, epoch, step, loss, top1, top5, mp5, r1 }) => {
    const values = kind === "step" ? { loss } : { loss, top1, top5, mp5, r1 };
    return Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([score, value]) => ({ what: `${kind} ${epoch}/${step}: ${score}`, value }));
  });
}

/** Returns the names of a run's files, without those that each start adds. */
function filesOf(name) {
  return readdirSync(runFolder(name)).filter((file) => !file.startsWith("events.") && !file.startsWith("."));
}
