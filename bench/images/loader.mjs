// `npm run bench loader [WORD]`: loads 224x224 JPEGs into augmented, normalised batches of 32, against a PyTorch DataLoader.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { IMAGES, imageFolder } from "../shared/images.mjs";
import { findPython } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

const DATA_LOADER = "torch 2.13 DataLoader, 2 workers, OpenCV, albumentations 2.0";
export const CASES = [{ name: "224 px, full augmentation", rounds: 7, peers: [DATA_LOADER] }];

/** Measures images/s; an iteration is an epoch of 256 images. */
export async function bench(word = "") {
  const folder = await imageFolder();
  const python = findPython();
  for (const spec of chosenCases(CASES, word))
    await contest({
      ...spec,
      bench: "loader",
      unit: "images/s",
      rate: (ms) => IMAGES / (ms / 1000),
      ours: [process.execPath, [join(here, "loader_ours.mjs"), folder]],
      peers: { [DATA_LOADER]: python && [python, [join(here, "loader_torch.py"), folder]] },
    });
}
