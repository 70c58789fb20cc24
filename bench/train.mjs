// `npm run bench train [WORD]`: trains from image files: steps/s against PyTorch, and the time that a step waits for
// data.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { demo } from "guie/dist/config/presets.js";
import { alternate, startContestant } from "./contestant.mjs";
import { imageFolder } from "./images.mjs";
import { findPython, row, TORCH } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { imageSize, lastBlocks, dropout, s } = demo("fine_tune");

/** The demo's fine-tuning; and ViT-B, which should wait for data less than 3 % of the time. */
const CASES = [
  {
    name: "demo fine-tuning, vit-s/14",
    base: "dinov2-vit-s-14",
    width: 384,
    layers: 12,
    heads: 6,
    imageSizePx: imageSize,
    lastBlocks,
    batch: 32,
    steps: 4,
    rounds: 5,
    peer: `${TORCH}, DataLoader`,
  },
  {
    name: "vit-b/14 224px",
    base: "ViT-H-14",
    width: 768,
    layers: 12,
    heads: 12,
    imageSizePx: 224,
    lastBlocks: 1,
    batch: 8,
    steps: 2,
    rounds: 2,
    peer: null,
  },
];

/** Measures steps/s, and the share of the time in which a step waited for its batch. */
export async function bench(word = "") {
  const folder = await imageFolder();
  for (const { name, peer, rounds, ...spec } of CASES.filter((one) => one.name.includes(word))) {
    const text = JSON.stringify({ ...spec, dropout, s, folder });
    const ours = await startContestant(process.execPath, [join(here, "train_ours.mjs"), text]);
    const python = peer && findPython();
    const theirs = python && (await startContestant(python, [join(here, "train_torch.py"), text]));
    const [oursMs, theirsMs] = await alternate([ours, theirs], { warmUps: 1, rounds });
    const [peakMB, theirPeakMB] = [await ours.end(), await theirs?.end()];
    const { dataShare } = ours.more();
    console.error(`${name}: waits for data ${(100 * dataShare).toFixed(2)} % of the time`);
    row({
      bench: "train",
      case: name,
      unit: "steps/s",
      peer,
      peakMB,
      theirPeakMB,
      more: { dataShare },
      ours: (1000 * spec.steps) / oursMs,
      theirs: theirsMs && (1000 * spec.steps) / theirsMs,
    });
  }
}
