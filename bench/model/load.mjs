// `npm run bench load`: reads the weights of ViT-H/14 (2.5 GB of float32) from a file into a session, and writes them
// back.
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { CACHE } from "../shared/paths.mjs";
import { findPython } from "../shared/report.mjs";
import { randomWeightFile } from "./weight_file.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const TOWER = "ViT-H-14";

export const CASES = [
  { name: "vit-h/14 load float32", work: "load", dtype: "F32" },
  { name: "vit-h/14 load float16", work: "load", dtype: "F16" },
  { name: "vit-h/14 save float32", work: "save", dtype: "F32" },
];

/** Runs the cases with `word` in their name; one row each, in MB/s of the file. */
export async function bench(word = "") {
  const python = findPython();
  for (const spec of chosenCases(CASES, word)) {
    const path = join(CACHE, `${TOWER}_${spec.dtype}.safetensors`);
    if (!existsSync(path)) await randomWeightFile(path, TOWER, spec.dtype);
    const argument = JSON.stringify({ ...spec, tower: TOWER, path });
    await contest({
      ...spec,
      bench: "load",
      unit: "MB/s",
      rate: (ms) => statSync(path).size / 2 ** 20 / (ms / 1000),
      ours: [process.execPath, [join(here, "load_ours.mjs"), argument]],
      warmUps: 1,
      rounds: 5,
      peers: { "safetensors.torch": python && [python, [join(here, "load_torch.py"), argument]] },
    });
  }
}
