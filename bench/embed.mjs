// `npm run bench embed [WORD]`: images to features, against onnxruntime on our ONNX export of the same weights. That
// file also has the neck: a ten-thousandth of the work.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, startContestant } from "./contestant.mjs";
import { row } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const VIT_B = { tower: "ViT-B-32", imageSizePx: 224 };
const VIT_S = { tower: "dinov2-vit-s-14", imageSizePx: 112 };

/**
 * Cases with `runs` batches per iteration, one after another: this measures throughput, not latency. The pause lets
 * onnxruntime's threads, which spin for a while after their work, become idle.
 */
const CASES = [
  { name: "vit-b/32 224px batch 1", ...VIT_B, batch: 1, runs: 32 },
  { name: "vit-b/32 224px batch 32", ...VIT_B, batch: 32, runs: 1 },
  { name: "vit-s/14 112px batch 1", ...VIT_S, batch: 1, runs: 32 },
  { name: "vit-s/14 112px batch 32", ...VIT_S, batch: 32, runs: 1 },
].map((spec) => ({ ...spec, rounds: 11, pauseMs: 300 }));

/** Runs the cases with `word` in their name. */
export async function bench(word = "") {
  for (const spec of CASES.filter(({ name }) => name.includes(word))) {
    const start = (script) => startContestant(process.execPath, [join(here, script), JSON.stringify(spec)]);
    const contestants = [await start("embed_ours.mjs"), await start("embed_onnx.mjs")];
    const [oursMs, theirsMs] = await alternate(contestants, spec);
    const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
    const rate = (ms) => ms && (1000 * spec.batch * spec.runs) / ms;
    row({
      bench: "embed",
      case: spec.name,
      unit: "images/s",
      peer: "onnxruntime-node 1.30",
      ours: rate(oursMs),
      theirs: rate(theirsMs),
      peakMB,
      theirPeakMB,
    });
  }
}
