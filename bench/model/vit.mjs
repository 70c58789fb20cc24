// `npm run bench vit [WORD]`: runs Vision Transformers, forward and whole training steps, against PyTorch and eager
// tfjs.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chosenCases, whyNot } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { findPython, TORCH } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * The towers: open_clip's ViTs and DINOv2's ViT-S, based on those of lib/model/towers.ts (`base`), some with other
 * sizes.
 */
const VIT_S = { base: "dinov2-vit-s-14", imageSizePx: 112, width: 384, layers: 12, heads: 6, batch: 32 };
const VIT_B = { base: "ViT-H-14", imageSizePx: 224, width: 768, layers: 12, heads: 12, batch: 8 };
const VIT_L = { base: "ViT-L-14", imageSizePx: 224, width: 1024, layers: 24, heads: 16, batch: 4 };
const VIT_H = { base: "ViT-H-14", imageSizePx: 224, width: 1280, layers: 32, heads: 16 };
const BF16 = { config: { precision: "bfloat16" }, needs: "bfloat16" };
const FEW = { warmUps: 1, rounds: 5 };

/** Peer's name -> function that returns its command for a case. */
const PEERS = {
  [TORCH]: (spec) => python("vit_torch.py", spec),
  "torch 2.13 compile": (spec) => python("vit_torch.py", { ...spec, compile: true }),
  "torch 2.13 autocast": (spec) => python("vit_torch.py", { ...spec, autocast: true }),
  "ours in float32": (spec) => node("vit_ours.mjs", { ...spec, config: {} }),
  "tfjs eager": (spec) => node("vit_eager.mjs", spec),
};
const TORCH_PEERS = [TORCH, "torch 2.13 compile"];
const BF16_PEERS = ["torch 2.13 autocast", "ours in float32"];

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} base
 * @property {"forward" | "step"} work
 * @property {number} imageSizePx
 * @property {number} width
 * @property {number} layers
 * @property {number} heads
 * @property {number} batch
 * @property {string[]} peers
 * @property {string} [needs] what the CPU must have
 * @property {object} [config] settings that differ from the preset's
 * @property {number} [warmUps]
 * @property {number} [rounds]
 */

/** @type {Case[]} */
export const CASES = [
  { name: "vit-s/14 112px forward", work: "forward", ...VIT_S, peers: TORCH_PEERS },
  { name: "vit-s/14 112px step", work: "step", ...VIT_S, peers: TORCH_PEERS },
  { name: "vit-b/14 224px forward", work: "forward", ...VIT_B, peers: TORCH_PEERS },
  { name: "vit-b/14 224px step", work: "step", ...VIT_B, peers: TORCH_PEERS },
  { name: "vit-l/14 224px forward", work: "forward", ...VIT_L, ...FEW, peers: TORCH_PEERS },
  { name: "vit-l/14 224px step", work: "step", ...VIT_L, ...FEW, peers: TORCH_PEERS },
  { name: "vit-b/14 224px bfloat16 forward", work: "forward", ...VIT_B, ...BF16, peers: BF16_PEERS },
  { name: "vit-b/14 224px bfloat16 step", work: "step", ...VIT_B, ...BF16, peers: BF16_PEERS },
  { name: "vit-b/14 224px tfjs forward", work: "forward", ...VIT_B, ...FEW, peers: ["tfjs eager"] },
  { name: "vit-b/14 224px tfjs step", work: "step", ...VIT_B, ...FEW, peers: ["tfjs eager"] },
  { name: "vit-h/14 224px forward of one image", work: "forward", ...VIT_H, batch: 1, ...FEW, peers: [] },
  {
    name: "vit-h/14 224px checkpointed step",
    work: "step",
    ...VIT_H,
    batch: 2,
    peers: [],
    config: { gradientCheckpointing: true },
    warmUps: 1,
    rounds: 3,
  },
];

/** Matrix products that measure the machine's peak rate. */
const PRODUCTS = { size: 2048, products: 8 };

/** Runs the cases with `word` in their name; a row per peer. */
export async function bench(word = "") {
  for (const spec of chosenCases(CASES, word)) {
    const reason = whyNot(spec);
    if (reason) console.error(`${spec.name}: skipped: ${reason}`);
    else await benchCase(spec);
  }
}

async function benchCase(spec) {
  const best = (ms) => (2 * PRODUCTS.size ** 3 * PRODUCTS.products) / ms / 1e6;
  await contest({
    ...spec,
    bench: "vit",
    unit: "images/s",
    rate: (ms) => (1000 * spec.batch) / ms,
    ours: node("vit_ours.mjs", spec),
    gauges: [node("products_ours.mjs", PRODUCTS)],
    peers: Object.fromEntries(spec.peers.map((peer) => [peer, PEERS[peer](spec)])),
    more: ({ oursMs, gaugesMs: [productsMs] }) => {
      const gflops = (flops(spec) * spec.batch) / oursMs / 1e6;
      return { gflops, bestProductGflops: best(productsMs), share: gflops / best(productsMs) };
    },
  });
}

/** @returns {import("../shared/contest.mjs").Start} */
function node(script, spec) {
  return [process.execPath, [join(here, script), JSON.stringify(spec)]];
}

/** @returns {import("../shared/contest.mjs").Start | undefined} */
function python(script, spec) {
  const path = findPython();
  return path ? [path, [join(here, script), JSON.stringify(spec)]] : undefined;
}

/**
 * Returns the floating point operations of an image's matrix products: the linear layers and attention of the blocks
 * (in the last one only those that the class token needs), and the patch embedding. Backward takes twice as many as
 * forward.
 */
function flops({ imageSizePx, width: D, layers, work }) {
  const patches = (imageSizePx / 14) ** 2;
  const N = patches + 1;
  const linear = (tokens, inputs, outputs) => 2 * tokens * inputs * outputs;
  const mixing = linear(N, D, 3 * D) + 4 * N * N * D;
  const rest = (tokens) => linear(tokens, D, D) + 2 * linear(tokens, D, 4 * D);
  const forward = layers * mixing + (layers - 1) * rest(N) + rest(1) + linear(patches, 14 * 14 * 3, D);
  return work === "step" ? 3 * forward : forward;
}
