// `npm run bench vit`: Vision Transformers, forward and whole training steps, against PyTorch.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, startContestant } from "./contestant.mjs";
import { findPython, row, TORCH } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** What the towers have in common: open_clip's ViT-B and DINOv2's ViT-S as lib/model/towers.ts describes them. */
const VIT_S = { base: "dinov2-vit-s-14", imageSizePx: 112, width: 384, layers: 12, heads: 6, batch: 32 };
const VIT_B = { base: "ViT-H-14", imageSizePx: 224, width: 768, layers: 12, heads: 12, batch: 8 };

const CASES = [
  { name: "vit-s/14 112px forward", work: "forward", ...VIT_S },
  { name: "vit-s/14 112px step", work: "step", ...VIT_S },
  { name: "vit-b/14 224px forward", work: "forward", ...VIT_B },
  { name: "vit-b/14 224px step", work: "step", ...VIT_B },
];

/** Runs the cases whose names hold the given word; one row each. */
export async function bench(word = "") {
  const python = findPython();
  for (const spec of CASES.filter(({ name }) => name.includes(word))) {
    const contestants = [
      await startContestant(process.execPath, [join(here, "vit_ours.mjs"), JSON.stringify(spec)]),
    ];
    if (python)
      contestants.push(await startContestant(python, [join(here, "vit_torch.py"), JSON.stringify(spec)]));
    const [oursMs, theirsMs] = await alternate(contestants);
    const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
    const imagesPerSecond = (ms) => (1000 * spec.batch) / ms;
    row({
      ...{ bench: "vit", case: spec.name, unit: "images/s", peer: TORCH, peakMB, theirPeakMB },
      ours: imagesPerSecond(oursMs),
      theirs: theirsMs && imagesPerSecond(theirsMs),
    });
  }
}
