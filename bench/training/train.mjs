// `npm run bench train [WORD]`: trains from image files: steps/s against PyTorch, and the time that a step waits for
// data.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { demo } from "guie/dist/config/presets.js";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { imageFolder } from "../shared/images.mjs";
import { findPython, TORCH } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const { imageSize, lastBlocks, dropout, s } = demo("fine_tune");

/** The demo's fine-tuning; and ViT-B, which should wait for data less than 3 % of the time. */
export const CASES = [
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
    peers: [`${TORCH}, DataLoader`],
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
    peers: [],
  },
];

/** Measures steps/s, and the share of the time in which a step waited for its batch. */
export async function bench(word = "") {
  const folder = await imageFolder();
  for (const {
    name,
    peers: [peer],
    rounds,
    ...spec
  } of chosenCases(CASES, word)) {
    const text = JSON.stringify({ ...spec, dropout, s, folder });
    const python = peer && findPython();
    await contest({
      bench: "train",
      name,
      unit: "steps/s",
      rate: (ms) => (1000 * spec.steps) / ms,
      ours: [process.execPath, [join(here, "train_ours.mjs"), text]],
      peers: peer ? { [peer]: python && [python, [join(here, "train_torch.py"), text]] } : {},
      warmUps: 1,
      rounds,
      more: ({ more: { dataShare } }) => {
        console.error(`${name}: waits for data ${(100 * dataShare).toFixed(2)} % of the time`);
        return { dataShare };
      },
    });
  }
}
