// A command is killed (SIGKILL) at a random moment and run again: it must end, and what it has written must be, byte for
// byte, what an unbroken one writes. Where it replaces something, the old or the new must be whole after the kill.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { ownerFile, ownerOf } = require("guie/dist/common/files/owner");
const { replacedPlace } = require("guie/dist/common/files/replace");

/** A moment falls into the work itself, but for one of so many, which falls anywhere in the process's life. */
const ANYWHERE = 4;
const LOOK_MS = 2;
/** So often at most a command may end before it is killed, for one kill; its work is then taken for so much shorter. */
const TOO_LATE = 5;
const SHORTER = 0.8;

/**
 * Runs a command.
 * @param moment asked for a promise that resolves when (if it still lives) it is to be killed; told whether it has ended
 */
export async function run(args, moment) {
  const startedAtMs = Date.now();
  const child = spawn(process.execPath, [join(root, "lib/bin/guie.js"), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
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
  return { killed: signal === "SIGKILL", ms: Date.now() - startedAtMs };
}

/** Resolves once a process owns the place. */
async function owned(place, isOver) {
  while (!ownerOf(place) && !isOver()) await sleep(LOOK_MS);
}

/** The process that owned the place last, dead or alive. */
const lastOwner = (place) => (existsSync(ownerFile(place)) ? readFileSync(ownerFile(place), "utf8") : "");

/** The hash of every file below the places, by its path; those that tell times as far as they tell something else. */
function contents({ outputs, same = {} }) {
  const hashes = {};
  for (const output of outputs) {
    if (!existsSync(output)) continue;
    const isFolder = statSync(output).isDirectory();
    const names = isFolder ? readdirSync(output, { recursive: true, withFileTypes: true }) : [];
    const files = isFolder
      ? names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
      : [output];
    for (const file of files.sort()) {
      const name = basename(file);
      const rule = Object.entries(same).find(([pattern]) => new RegExp(pattern).test(name))?.[1];
      if (rule === "differs") continue;
      const bytes = readFileSync(file);
      const text = rule ? rule(bytes.toString("utf8")) : bytes;
      hashes[relative(dirname(output), file)] = createHash("sha256").update(text).digest("hex");
    }
  }
  return hashes;
}

/** What stands beside a place while it is filled, and after a kill: owner's file, old and new. */
function leftBeside(place) {
  const folder = dirname(place);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => name.startsWith(`.${basename(place)}.`)).map((name) => join(folder, name));
}

/** Deletes what a command has written, and what a kill has left beside it. */
function clean({ outputs, place }) {
  for (const path of [...outputs, ...leftBeside(place)]) rmSync(path, { recursive: true, force: true });
}

/** Makes what stands there before the command runs, and the function that brings it back. */
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
 * @param spec command: its name; args; place: what it owns while it writes; outputs: files and folders that it writes (or
 *   in which it writes); inputs: makes those among them; before: arguments of a command that writes what is replaced;
 *   isThere: whether old or new are there after a kill; same: pattern of file names -> what of their text must be the
 *   same, or "differs"; share: of the kills
 * @param scratch a folder
 * @returns a row of the table
 */
export async function killCommand(spec, allMoments, random, scratch) {
  const { command, args, place, share = 1 } = spec;
  const moments = Math.max(1, Math.round(allMoments * share));
  const startedAtMs = Date.now();
  const begin = await startOf(spec, scratch);
  begin();
  const old = contents(spec);
  let workStartedMs = Date.now();
  const never = async (isOver) => {
    await owned(place, isOver);
    workStartedMs = Date.now();
    await new Promise(() => {});
  };
  const { ms } = await run(args, never);
  let workMs = Date.now() - workStartedMs;
  const expected = contents(spec);
  assert.notDeepEqual(expected, old, `${command} has written nothing`);
  console.log(
    `${command}: unbroken, ${Object.keys(expected).length} files, ${workMs} of ${ms} ms are its work`,
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
        isAnywhere ? sleep(lasts * ms) : owned(place, hasEnded).then(() => sleep(lasts * workMs));
      const { killed } = await run(args, moment);
      isOver = !killed;
      if (isOver) {
        late++;
        workMs *= SHORTER;
        break;
      }
      kills++;
      if (lastOwner(place) !== ownerBefore) inWork++;
      if (spec.before) requireWhole(spec, old, expected);
    }
    if (!isOver) {
      await run(args);
      reruns++;
    }
    assert.deepEqual(contents(spec), expected, `${command}: the rerun after kill ${kills}`);
    assert.deepEqual(leftBeside(place), [], `${command}: left after kill ${kills} and a rerun`);
  }
  const seconds = (Date.now() - startedAtMs) / 1000;
  console.log(
    `${command}: ${kills} kills, ${inWork} of them in its work; ${reruns} reruns, all as the unbroken one`,
  );
  return { command, kills, inWork, reruns, seconds };
}

/** Either stands under its name, or the old stands aside, from where the next start takes it back. */
function requireWhole({ command, place, isThere, ...spec }, old, expected) {
  const now = JSON.stringify(contents(spec));
  const isWhole = [old, expected].some((whole) => JSON.stringify(whole) === now) || isThere?.();
  const message = `${command}: after a kill neither the old nor the new is there`;
  assert.ok(isWhole || existsSync(replacedPlace(place)), message);
}
