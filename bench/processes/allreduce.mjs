// `npm run bench allreduce [WORD]`: averages gradients of all processes in buckets, against PyTorch's gloo on the same
// machine; and measures the share that a training step hides behind its backward pass.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { vit224 } from "guie/dist/config/presets.js";
import { HOSTS, limitCable, makeHosts, removeHosts } from "../../scripts/check/hosts.mjs";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { alternate, startContestant } from "../shared/contestant.mjs";
import { findPython, row } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const PEER = "torch 2.13 gloo";
/** MB of gradients, and the number of reductions per measurement. */
const SIZES = [
  { megabytes: 1, repeats: 20 },
  { megabytes: 10, repeats: 5 },
  { megabytes: 100, repeats: 2 },
];
const REDUCTIONS = [2, 3, 4].flatMap((worldSize) =>
  SIZES.map((size) => ({ ...size, worldSize, gradientDtype: "float32", peers: [PEER] })),
);
/** @typedef {{ name: string, megabytes: number, repeats: number, worldSize: number, gradientDtype: string, peers: string[], rounds: number }} Reduction */

const BFLOAT16 = { megabytes: 100, repeats: 2, worldSize: 2, gradientDtype: "bfloat16", peers: [] };
/** Reductions. */
export const CASES = [...REDUCTIONS, BFLOAT16].map((spec) => {
  const dtype = spec.gradientDtype === "float32" ? "" : ` as ${spec.gradientDtype}`;
  return { ...spec, name: `${spec.megabytes} MB${dtype}, ${spec.worldSize} processes`, rounds: 9 };
});
/** Numbers in the largest tensor, a linear layer of ViT-B's MLP. */
const LARGEST = 768 * 3072;
/** @typedef {{ name: string, worldSize?: number, megabits?: number, bucketMB?: number }} Step */

/**
 * Steps: on one host, and between two hosts with a cable of `megabits` Mbit/s.
 * @type {Step[]}
 */
const STEPS = [
  { name: "step, one host" },
  { name: "step, one host, 3 processes", worldSize: 3 },
  { name: "step, two hosts, 1 Gbit/s", megabits: 1000 },
  { name: "step, two hosts, 1 Gbit/s, buckets of 10 MB", megabits: 1000, bucketMB: 10 },
  { name: "step, two hosts, .5 Gbit/s", megabits: 500 },
];
const STEP = { base: "dinov2-vit-s-14", imageSizePx: 112, batch: 16, gradientDtype: "float32" };

/** Returns the number of values in each gradient, for a total of `megabytes`. */
function sizesOf(megabytes) {
  const numbers = (megabytes * 1e6) / 4;
  const whole = Array.from({ length: Math.floor(numbers / LARGEST) }, () => LARGEST);
  return [...whole, numbers % LARGEST];
}

/** @returns {import("../shared/contest.mjs").Start} */
function ranks(worldSize, command, spec) {
  return [
    process.execPath,
    [join(here, "all_ranks.mjs"), String(worldSize), ...command, JSON.stringify(spec)],
  ];
}

/**
 * Measures averaged gradients in MB/s.
 * @param {Reduction} reduction
 */
async function benchReduction({ name, megabytes, repeats, worldSize, gradientDtype, peers: [peer], rounds }) {
  const { bucketMB } = vit224();
  const spec = { sizes: sizesOf(megabytes), repeats, bucketMB, gradientDtype };
  const python = peer && findPython();
  const theirs = python && ranks(worldSize, [python, join(here, "allreduce_torch.py")], spec);
  await contest({
    bench: "allreduce",
    name,
    unit: "MB/s",
    rate: (ms) => (megabytes * repeats * 1000) / ms,
    ours: ranks(worldSize, [process.execPath, join(here, "allreduce_ours.mjs")], spec),
    peers: peer ? { [peer]: theirs } : {},
    warmUps: 1,
    rounds,
  });
}

/**
 * Measures the share of the communication time that a step hides.
 * @param {Step} step
 */
async function benchStep({ name, megabits, worldSize = 2, bucketMB = vit224().bucketMB }) {
  const failed = megabits && (makeHosts() ?? limitCable(megabits));
  try {
    if (failed) return console.error(`${name}: skipped, such a network cannot be made here (${failed})`);
    if (megabits) process.env.RANK_HOSTS = JSON.stringify(HOSTS);
    const spec = { ...STEP, bucketMB };
    const script = join(here, "overlap_ours.mjs");
    const ours = await startContestant(...ranks(worldSize, [process.execPath, script], spec));
    await alternate([ours], { warmUps: 0, rounds: 7 });
    const peakMB = await ours.end();
    const { with: together, without: apart, alone, MB } = ours.more();
    console.error(`${name}: ${together} s, ${apart} s without communication, which takes ${alone} s`);
    row({
      bench: "allreduce",
      case: name,
      unit: "hidden",
      peer: null,
      peakMB,
      ours: 1 - (together - apart) / alone,
      more: { gradientMB: MB, stepSeconds: together, apartSeconds: apart, aloneSeconds: alone },
    });
  } finally {
    delete process.env.RANK_HOSTS;
    if (megabits) removeHosts();
  }
}

/** Runs the cases with `word` in their name. */
export async function bench(word = "") {
  for (const spec of chosenCases(CASES, word)) await benchReduction(spec);
  for (const spec of chosenCases(STEPS, word)) await benchStep(spec);
}
