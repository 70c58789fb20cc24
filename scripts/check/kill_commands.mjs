// Kills a command (SIGKILL) at a random moment and runs it again: it must end, and its output must equal that of an
// uninterrupted command, byte for byte. If it replaces something, the old or the new must be complete after the kill.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { contents } from "./contents.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { ownerFile, ownerOf } = require("guie/dist/common/files/owner");
const { replacedPlace } = require("guie/dist/common/files/replace");

/** The program. */
export const guie = join(root, "lib/bin/guie.js");
/** One kill in this many falls anywhere in the process's life; the others fall into the work itself. */
const ANYWHERE = 4;
const LOOK_MS = 2;
/**
 * Number of times, per kill, that a command may end before it is killed; each time, the estimate of its work shrinks by
 * `SHORTER`.
 */
const TOO_LATE = 5;
const SHORTER = 0.8;

/**
 * Runs a command.
 * @param moment returns a promise that resolves when the command, if still alive, is to be killed; its argument tells
 * whether it has ended
 * @returns whether it was killed, its time, and the JSON that it printed
 */
export async function run(args, moment) {
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, [guie, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [printed, errors] = ["", ""];
  child.stdout.on("data", (data) => {
    printed += data;
  });
  child.stderr.on("data", (data) => {
    errors += data;
  });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  let isOver = false;
  if (moment) {
    await Promise.race([moment(() => isOver), ended]);
    child.kill("SIGKILL");
  }
  const { code, signal } = await ended;
  isOver = true;
  assert.ok(signal === "SIGKILL" || code === 0, `guie ${args.join(" ")} failed:\n${errors.slice(-2000)}`);
  const result = code === 0 && args.includes("--json") ? JSON.parse(printed) : undefined;
  return { killed: signal === "SIGKILL", ms: Date.now() - startedAtMs, result };
}

/** Resolves once a process does the command's work. */
async function begun({ place, hasBegun = () => ownerOf(place) }, isOver) {
  while (!hasBegun() && !isOver()) await sleep(LOOK_MS);
}

/** Returns the record of the process that owned the place last, dead or alive. */
const lastOwner = (place) => (existsSync(ownerFile(place)) ? readFileSync(ownerFile(place), "utf8") : "");

/** Returns the temporary files next to a place: the owner's file, the old and the new output. */
function leftovers(place) {
  const folder = dirname(place);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => name.startsWith(`.${basename(place)}.`)).map((name) => join(folder, name));
}

/** Deletes the output of a command, and what a kill has left next to it. */
function clean({ outputs, place, caches = [] }) {
  for (const path of [...outputs, ...leftovers(place), ...caches])
    rmSync(path, { recursive: true, force: true });
}

/** Creates the files that exist before the command runs; returns a function that restores them. */
async function startOf(spec, scratch) {
  clean(spec);
  if (spec.before) await run(spec.before);
  spec.inputs?.();
  const kept = spec.outputs.filter(existsSync);
  const copies = kept.map((output, i) => [output, join(scratch, `${basename(spec.place)}.${i}`)]);
  for (const [output, copy] of copies) cpSync(output, copy, { recursive: true, preserveTimestamps: true });
  return () => {
    clean(spec);
    for (const [output, copy] of copies) cpSync(copy, output, { recursive: true, preserveTimestamps: true });
  };
}

/**
 * Kills a command many times and checks every rerun.
 * @param spec command: its name; args; place: what it owns while it writes; outputs: files and folders that it writes
 * (or in which it writes); inputs: creates inputs in them; before: arguments of a command whose output it
 * replaces; isThere: tells whether old or new output exists after a kill; same: pattern of file names -> the part of
 * their text that must be the same, or "differs"; share: share of the kills. For commands that own no place: hasBegun:
 * tells whether the work has begun; caches: folders that are emptied before each start. resultOf: the part of the printed
 * JSON that must be the same; finished: returns the work that a kill left; requireKept: checks the rerun's JSON against it
 * @param scratch a folder for copies
 * @returns a row of the table
 */
export async function killCommand(spec, allMoments, random, scratch) {
  const { command, args, place, share = 1 } = spec;
  const moments = Math.max(1, Math.round(allMoments * share));
  const startedAtMs = Date.now();
  const begin = await startOf(spec, scratch);
  begin();
  const old = contents(spec.outputs, spec.same);
  let workStartedMs = Date.now();
  const never = async (isOver) => {
    await begun(spec, isOver);
    workStartedMs = Date.now();
    await new Promise(() => {});
  };
  const { ms, result } = await run(args, never);
  let workMs = Date.now() - workStartedMs;
  const expected = contents(spec.outputs, spec.same);
  const expectedResult = spec.resultOf?.(result);
  assert.notDeepEqual(expected, old, `${command} has written nothing`);
  console.log(
    `${command}: uninterrupted, ${Object.keys(expected).length} files, ${workMs} of ${ms} ms are its work`,
  );
  let [kills, reruns, inWork, late] = [0, 0, 0, 0];
  while (kills < moments && late < TOO_LATE * moments) {
    begin();
    const lives = kills % 3 === 2 ? 2 : 1; // every third time a second kill follows the first
    let isOver = false;
    for (let life = 0; life < lives && kills < moments; life++) {
      const lasts = random.uniform();
      const isAnywhere = kills % ANYWHERE === 0;
      const ownerBefore = lastOwner(place);
      const moment = (hasEnded) =>
        isAnywhere ? sleep(lasts * ms) : begun(spec, hasEnded).then(() => sleep(lasts * workMs));
      const { killed } = await run(args, moment);
      isOver = !killed;
      if (isOver) {
        late++;
        workMs *= SHORTER;
        break;
      }
      kills++;
      if (spec.hasBegun?.() ?? lastOwner(place) !== ownerBefore) inWork++;
      if (spec.before) requireWhole(spec, old, expected);
    }
    if (!isOver) {
      await rerun(spec, expectedResult, `${command}: the result after kill ${kills}`);
      reruns++;
    }
    assert.deepEqual(
      contents(spec.outputs, spec.same),
      expected,
      `${command}: the rerun after kill ${kills}`,
    );
    assert.deepEqual(leftovers(place), [], `${command}: left after kill ${kills} and a rerun`);
  }
  const seconds = (Date.now() - startedAtMs) / 1000;
  console.log(
    `${command}: ${kills} kills, ${inWork} during its work; ${reruns} reruns, all with the same output`,
  );
  return { command, kills, inWork, reruns, seconds };
}

/** Runs a killed command again, and checks what it prints. */
async function rerun(spec, expectedResult, message) {
  const kept = spec.finished?.();
  const { result } = await run(spec.args);
  assert.deepEqual(spec.resultOf?.(result), expectedResult, message);
  spec.requireKept?.(kept, result);
}

/**
 * Checks that the old or the new output is complete under its name, or that the old one is set aside for the next
 * start.
 */
function requireWhole({ command, place, isThere, outputs, same }, old, expected) {
  const now = JSON.stringify(contents(outputs, same));
  const isWhole = [old, expected].some((whole) => JSON.stringify(whole) === now) || isThere?.();
  const message = `${command}: after a kill neither the old nor the new is there`;
  assert.ok(isWhole || existsSync(replacedPlace(place)), message);
}
