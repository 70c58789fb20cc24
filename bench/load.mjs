// `npm run bench load`: reads the weights of ViT-H/14 (2.5 GB of float32) from a file into a session, and writes them
// back.
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { alternate, startContestant } from "./contestant.mjs";
import { findPython, row } from "./report.mjs";
import { randomWeightFile } from "./weight_file.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const TOWER = "ViT-H-14";

const CASES = [
  { name: "vit-h/14 load float32", work: "load", dtype: "F32" },
  { name: "vit-h/14 load float16", work: "load", dtype: "F16" },
  { name: "vit-h/14 save float32", work: "save", dtype: "F32" },
];

/** Runs the cases with `word` in their name; one row each, in MB/s of the file. */
export async function bench(word = "") {
  const python = findPython();
  for (const spec of CASES.filter(({ name }) => name.includes(word))) {
    const path = join(here, `../.cache/bench/${TOWER}_${spec.dtype}.safetensors`);
    if (!existsSync(path)) await randomWeightFile(path, TOWER, spec.dtype);
    const argument = JSON.stringify({ ...spec, tower: TOWER, path });
    const contestants = [await startContestant(process.execPath, [join(here, "load_ours.mjs"), argument])];
    if (python) contestants.push(await startContestant(python, [join(here, "load_torch.py"), argument]));
    const [oursMs, theirsMs] = await alternate(contestants, { warmUps: 1, rounds: 5 });
    const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
    const megabytesPerSecond = (ms) => statSync(path).size / 2 ** 20 / (ms / 1000);
    row({
      bench: "load",
      case: spec.name,
      unit: "MB/s",
      peer: "safetensors.torch",
      peakMB,
      theirPeakMB,
      ours: megabytesPerSecond(oursMs),
      theirs: theirsMs && megabytesPerSecond(theirsMs),
    });
  }
}
