// `npm run bench embed [WORD]`: images to features, against onnxruntime on our ONNX export of the same weights. That
// file also has the neck: a ten-thousandth of the work.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const ONNX = "onnxruntime-node 1.30";
const VIT_B = { tower: "ViT-B-32", imageSizePx: 224 };
const VIT_S = { tower: "dinov2-vit-s-14", imageSizePx: 112 };

/**
 * Cases with `runs` batches per iteration, one after another: this measures throughput, not latency. The pause lets
 * onnxruntime's threads, which spin for a while after their work, become idle.
 */
export const CASES = [
  { name: "vit-b/32 224px batch 1", ...VIT_B, batch: 1, runs: 32 },
  { name: "vit-b/32 224px batch 32", ...VIT_B, batch: 32, runs: 1 },
  { name: "vit-s/14 112px batch 1", ...VIT_S, batch: 1, runs: 32 },
  { name: "vit-s/14 112px batch 32", ...VIT_S, batch: 32, runs: 1 },
].map((spec) => ({ ...spec, rounds: 11, pauseMs: 300, peers: [ONNX] }));

/** Runs the cases with `word` in their name. */
export async function bench(word = "") {
  for (const spec of chosenCases(CASES, word)) {
    /** @returns {import("../shared/contest.mjs").Start} */
    const start = (script) => [process.execPath, [join(here, script), JSON.stringify(spec)]];
    await contest({
      ...spec,
      bench: "embed",
      unit: "images/s",
      rate: (ms) => (1000 * spec.batch * spec.runs) / ms,
      ours: start("embed_ours.mjs"),
      peers: { [ONNX]: start("embed_onnx.mjs") },
    });
  }
}
