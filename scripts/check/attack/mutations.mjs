// Reads damaged files of every kind: each must give an error in words, the same content or other content; no crash, no
// hang.
import { fork } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DAMAGE } from "../serve_fuzz.mjs";
import { KINDS } from "./kinds.mjs";

const require = createRequire(import.meta.url);
const { randomStream } = require("guie/dist/common/random");

const READER = join(dirname(fileURLToPath(import.meta.url)), "reader.mjs");
/** A longer read is a hang, also on a busy machine. */
const PATIENCE_MS = 30_000;
const EXAMPLES = 2;

const MUTATIONS = {
  bit: (bytes, random) => {
    const changed = Buffer.from(bytes);
    changed[random.integer(0, bytes.length - 1)] ^= 1 << random.integer(0, 7);
    return changed;
  },
  cut: DAMAGE.cut,
  flip: (bytes, random) => DAMAGE.flip(bytes, random),
  hole: DAMAGE.hole,
  splice: DAMAGE.splice,
};

/** Outcomes in the order of the table's columns. */
const OUTCOMES = ["crash", "hang", "other error", "in words", "unchanged", "changed"];

/** A reading process that is replaced after it ended or was killed. */
class Reader {
  #child;
  #told = "";

  /** Reads one job. @returns the reader's answer, or `{ ended }` or `{ hung }` */
  read(job) {
    this.#child ??= this.#start();
    const child = this.#child;
    return new Promise((resolve) => {
      const finish = (answer) => {
        clearTimeout(timer);
        child.removeAllListeners("message").removeAllListeners("exit");
        if (!answer.digest && !answer.message) this.close();
        resolve(answer);
      };
      const timer = setTimeout(() => finish({ hung: true }), PATIENCE_MS);
      child.once("message", finish);
      child.once("exit", (code, signal) => finish({ ended: `${signal ?? code}: ${this.#told.slice(-300)}` }));
      child.send(job);
    });
  }

  close() {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  #start() {
    this.#told = "";
    const child = fork(READER, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    child.stderr.on("data", (text) => {
      this.#told += text;
    });
    return child;
  }
}

function outcomeOf(answer, whole) {
  if (answer.ended) return "crash";
  if (answer.hung) return "hang";
  if (answer.message) return answer.inWords ? "in words" : "other error";
  return answer.digest === whole ? "unchanged" : "changed";
}

function writeFiles(folder, files) {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

/**
 * Reads `count` mutations of a kind's sample.
 * @returns counts of each outcome, and descriptions of the bad ones
 */
async function mutate(kind, { tiny, scratch, seed, count }, reader) {
  const { make, mutates = () => true } = KINDS[kind];
  const folder = join(scratch, "mutated");
  const files = await make({ tiny, scratch });
  const targets = Object.keys(files).filter(mutates);
  const random = randomStream(seed, `mutations of ${kind}`);
  const pick = (list) => list[random.integer(0, list.length - 1)];
  writeFiles(folder, files);
  const { digest: whole, message, ended } = await reader.read({ kind, folder });
  if (!whole) throw new Error(`${kind}: the whole sample is not read: ${message ?? ended}`);
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]));
  const bad = [];
  for (let i = 0; i < count; i++) {
    const [target, name] = [pick(targets), pick(Object.keys(MUTATIONS))];
    const bytes = MUTATIONS[name](files[target], random, files[target]);
    writeFiles(folder, { ...files, [target]: bytes });
    const answer = await reader.read({ kind, folder });
    const outcome = outcomeOf(answer, whole);
    counts[outcome]++;
    if (["crash", "hang", "other error"].includes(outcome))
      bad.push({
        outcome,
        text: `${kind} ${i} (${name} of ${target}): ${answer.message ?? answer.ended ?? "no answer"}`,
      });
  }
  return { counts, bad };
}

/**
 * Mutates every kind, and prints the table with examples of bad outcomes.
 * @returns descriptions of the crashes and hangs
 */
export async function mutationTable(options) {
  const reader = new Reader();
  const found = [];
  console.log(["kind".padEnd(12), ...OUTCOMES.map((outcome) => outcome.padStart(11))].join(" "));
  try {
    for (const kind of Object.keys(KINDS)) {
      const { counts, bad } = await mutate(kind, options, reader);
      console.log(
        [kind.padEnd(12), ...OUTCOMES.map((outcome) => String(counts[outcome]).padStart(11))].join(" "),
      );
      for (const { text } of bad.slice(0, EXAMPLES)) console.log(`  ${text.split("\n").join(" | ")}`);
      found.push(...bad.filter(({ outcome }) => outcome !== "other error").map(({ text }) => text));
    }
  } finally {
    reader.close();
  }
  return found;
}
