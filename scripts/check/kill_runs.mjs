// Kills training runs (SIGKILL) at random moments. After every kill each file must be readable, every restart must
// resume, and the losses must equal those of an uninterrupted run.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { overrideConfig } = require("guie/dist/config/config");
const { tiny } = require("guie/dist/config/presets");
const { openSafetensors } = require("guie/dist/formats/safetensors");
const { decodeEvent, eventFiles } = require("guie/dist/runs/event_files");
const { readMetrics, runFolder } = require("guie/dist/runs/run_folder");
const { prepareRunFolder } = require("guie/dist/runs/start_folder");
const { readRecords } = require("guie/dist/runs/tfrecord");

/**
 * Starts or resumes a run; returns true if it was killed. `moment` resolves when the run, if still alive, is to be
 * killed.
 */
async function train(folder, moment) {
  const child = spawn(process.execPath, [join(root, "lib/bin/guie.js"), "train", "--resume", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (data) => {
    errors += data;
  });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  if (moment) {
    await Promise.race([moment, ended]);
    child.kill("SIGKILL");
  }
  const { code, signal } = await ended;
  assert.ok(signal === "SIGKILL" || code === 0, `a restart failed:\n${errors.slice(-2000)}`);
  return signal === "SIGKILL";
}

/** Maximum number of log lines in one life: every kind of work writes a line. */
const LINES = 16;

/**
 * Waits for a random moment of a run's life: every third falls into its start, the others into training, saving and
 * evaluation. Those are counted in log lines, so that they are spread evenly on a busy machine.
 */
async function randomMoment(folder, kill, { startMs, stepMs }, random) {
  if (kill % 3 === 0) return sleep(random.uniform() * startMs);
  const deadline = Date.now() + 20 * startMs;
  const log = join(folder, "log.txt");
  const lines = () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").length : 0);
  const last = lines() + Math.ceil(random.uniform() * LINES);
  while (lines() < last && Date.now() < deadline) await sleep(5);
  return sleep(random.uniform() * stepMs);
}

/** Reads every file of a run under its final name; throws for a damaged one. */
function readAll(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith(".safetensors")) openSafetensors(path).close();
    if (name.endsWith(".json")) JSON.parse(readFileSync(path, "utf8"));
  }
  readMetrics(folder);
  eventLosses(folder);
}

const lossesOf = (folder) =>
  readMetrics(folder)
    .filter(({ kind }) => kind === "step")
    .map(({ loss }) => loss);

function eventLosses(folder) {
  const events = eventFiles(folder).flatMap((path) =>
    [...readRecords(readFileSync(path))].map(({ data }) => decodeEvent(data)),
  );
  const values = events.flatMap(({ summary }) => summary?.value ?? []);
  return values.filter(({ tag }) => tag === "train/loss").map(({ simpleValue }) => simpleValue);
}

/** Kills training runs `moments` times and checks every restart. @returns a row of the table */
export async function killRuns(moments, random, dataDir) {
  const beganAtMs = Date.now();
  const folders = [];
  const newRun = () => {
    const runName = `check-kills-${process.pid}-${folders.length}`;
    const shape = { nEpochs: 12, maxStepsPerEpoch: 3, cpktSteps: 2, cpktEpoch: 1, keepEverySteps: 4 };
    folders.push(runFolder(runName));
    return prepareRunFolder(overrideConfig(tiny(), { runName, dataDir, ...shape, keepCheckpoints: 2 }));
  };
  try {
    const uninterrupted = newRun();
    const startedAtMs = Date.now();
    await train(uninterrupted);
    const wholeMs = Date.now() - startedAtMs;
    const steps = readMetrics(uninterrupted).filter(({ kind }) => kind === "step");
    const trainMs = 1000 * (steps.at(-1).elapsedSeconds - steps[0].elapsedSeconds);
    const times = { startMs: wholeMs - trainMs, stepMs: trainMs / (steps.length - 1) };
    const expected = lossesOf(uninterrupted);
    console.log(`train: uninterrupted, ${expected.length} steps in ${trainMs.toFixed(0)} of ${wholeMs} ms`);
    let [kills, reruns] = [0, 0];
    while (kills < moments) {
      const folder = newRun();
      for (let lives = 1; ; lives++) {
        const moment = kills < moments ? randomMoment(folder, kills, times, random) : undefined;
        const killed = await train(folder, moment);
        readAll(folder);
        if (!killed) {
          assert.deepEqual(lossesOf(folder), expected);
          assert.deepEqual(eventLosses(folder), expected.map(Math.fround));
          console.log(`train: a run of ${lives} lives ended with the same losses`);
          reruns++;
          break;
        }
        kills++;
        const last = existsSync(join(folder, "last.safetensors")) ? "with" : "without";
        console.log(`train: kill ${kills}, ${lossesOf(folder).length} steps, ${last} a checkpoint`);
      }
    }
    return { command: "train", kills, reruns, seconds: (Date.now() - beganAtMs) / 1000 };
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}
