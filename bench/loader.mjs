// `npm run bench loader`: loads 224x224 JPEGs into augmented, normalised batches of 32, against a PyTorch DataLoader.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, startContestant } from "./contestant.mjs";
import { IMAGES, imageFolder } from "./images.mjs";
import { findPython, row } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** Measures images/s; an iteration is an epoch of 256 images. */
export async function bench() {
  const folder = await imageFolder();
  const python = findPython();
  const contestants = [await startContestant(process.execPath, [join(here, "loader_ours.mjs"), folder])];
  if (python) contestants.push(await startContestant(python, [join(here, "loader_torch.py"), folder]));
  const [oursMs, theirsMs] = await alternate(contestants, { warmUps: 2, rounds: 7 });
  const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
  row({
    bench: "loader",
    case: "224 px, full augmentation",
    unit: "images/s",
    peakMB,
    theirPeakMB,
    peer: "torch 2.13 DataLoader, 2 workers, OpenCV, albumentations 2.0",
    ours: IMAGES / (oursMs / 1000),
    theirs: theirsMs && IMAGES / (theirsMs / 1000),
  });
}
