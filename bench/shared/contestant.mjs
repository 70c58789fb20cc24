// Starts and times contestants: processes that repeat a benchmark's work on request, ours in Node, the peer's in
// Python. A contestant reads the lines "run" and "end", and answers each with a line of JSON.
import { spawn } from "node:child_process";
import { basename, delimiter, dirname } from "node:path";
import { createInterface } from "node:readline";
import { formerArguments, reportFormer } from "./former.mjs";
import { benchFiles } from "./paths.mjs";

/** Number of measured rounds that replaces each benchmark's own (`npm run bench NAME -- --rounds N`), or undefined. */
const ROUNDS = process.env.BENCH_ROUNDS ? Number(process.env.BENCH_ROUNDS) : undefined;

/** Environment in which a contestant in Python finds the modules of all rooms. */
const ENVIRONMENT = {
  ...process.env,
  PYTHONPATH: [...new Set([...benchFiles().values()].map(dirname))].join(delimiter),
};

/**
 * @typedef {object} Contestant
 * @property {() => Promise<number | undefined>} run measures one iteration, in milliseconds; undefined if it ended early
 * @property {() => Promise<number | undefined>} end ends it; returns the peak memory of its process in MB
 * @property {() => Record<string, any>} more returns its other measurements, after the end
 * @property {Contestant} [former] the other commit's side
 * @property {string} [script] what it runs, for people
 */

/**
 * Starts a contestant, and the former commit's one if requested (`former.mjs`). One that ends early reports this and
 * takes no further part.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<Contestant>}
 */
export async function startContestant(command, args) {
  const contestant = await startOne(command, args);
  const former = formerArguments(command, args);
  if (!former) return contestant;
  const other = await startOne(command, former);
  const end = async () => {
    await other.end();
    return contestant.end();
  };
  return { ...contestant, end, former: other, script: [basename(args[0]), ...args.slice(1)].join(" ") };
}

/** @returns {Promise<Contestant>} */
async function startOne(command, args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: ENVIRONMENT });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let ended = false;
  const answer = async () => {
    const { value, done } = await lines.next();
    if (!done) return JSON.parse(value);
    ended = true;
    console.error(`bench: ${command} ${args.join(" ")} ended before it answered`);
    return {};
  };
  const ask = async (line) => {
    if (ended) return {};
    child.stdin.write(`${line}\n`);
    return answer();
  };
  await answer();
  let last = {};
  return {
    run: async () => (await ask("run")).ms,
    end: async () => {
      last = await ask("end");
      child.stdin.end();
      return last.peakMB;
    },
    more: () => last.more ?? {},
  };
}

/**
 * Serves as a contestant in Node until it receives "end".
 * @param {() => unknown} iterate
 * @param {() => unknown} finish runs at the end; may return further numbers
 */
export async function serve(iterate, finish = () => undefined) {
  const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  answer({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "end") {
      const peakMB = Math.round(process.resourceUsage().maxRSS / 2 ** 10);
      answer({ peakMB, more: finish() });
      return;
    }
    const startedAt = performance.now();
    await iterate();
    answer({ ms: performance.now() - startedAt });
  }
}

/**
 * Runs contestants alternately, so that other load on the machine affects all equally.
 * @param {(Contestant | undefined)[]} contestants undefined for missing ones
 * @param {{ warmUps?: number, rounds?: number, pauseMs?: number }} [options] `pauseMs`: pause between two contestants:
 * threads of some libraries spin for a while after their work
 * @returns {Promise<(number[] | undefined)[]>} milliseconds of each one's rounds; undefined for one that is missing or
 * ended early
 */
export async function alternate(contestants, { warmUps = 2, rounds = 7, pauseMs = 0 } = {}) {
  const count = ROUNDS ?? rounds;
  const sides = contestants.flatMap((contestant, i) => [
    { run: contestant?.run, i, isFormer: false, timesMs: [] },
    ...(contestant?.former ? [{ run: contestant.former.run, i, isFormer: true, timesMs: [] }] : []),
  ]);
  for (let round = -warmUps; round < count; round++) {
    for (const { run, timesMs } of sides) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const ms = await run?.();
      if (round >= 0 && ms !== undefined) timesMs.push(ms);
    }
  }
  const whole = sides.filter(({ timesMs }) => timesMs.length === count);
  const ours = whole.filter(({ isFormer }) => !isFormer);
  for (const { i, timesMs } of whole.filter(({ isFormer }) => isFormer)) {
    const own = ours.find((side) => side.i === i);
    if (own) reportFormer(contestants[i].script, own.timesMs, timesMs);
  }
  return contestants.map((_, i) => ours.find((side) => side.i === i)?.timesMs);
}
