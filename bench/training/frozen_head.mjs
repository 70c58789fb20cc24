// `npm run bench frozen_head [WORD]`: trains neck and sub-centre head on cached features (preset frozen_head), against
// PyTorch.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chosenCases } from "../shared/cases.mjs";
import { clusterFeatures } from "../shared/cluster_features.mjs";
import { contest } from "../shared/contest.mjs";
import { CACHE } from "../shared/paths.mjs";
import { findPython, TORCH } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const ROWS = 100_000;
const LENGTH = 1280;
const CLASSES = 35_000;
const BATCH = 128;
/** Steps per iteration; an epoch has 781 or, with the last smaller batch, 782. */
const STEPS = 100;

export const CASES = [
  { name: `${ROWS} x ${LENGTH} features, ${CLASSES} classes x 3, batch ${BATCH}`, rounds: 5, peers: [TORCH] },
];

/** Measures images/s; `epochSeconds` is the time of an epoch's 782 steps at that rate. */
export async function bench(word = "") {
  const folder = join(CACHE, "frozen_head");
  await clusterFeatures(folder, { rows: ROWS, length: LENGTH, classes: CLASSES });
  const python = findPython();
  const sizes = { folder, rows: ROWS, length: LENGTH, classes: CLASSES, batch: BATCH, steps: STEPS };
  const text = JSON.stringify(sizes);
  const rate = (ms) => (STEPS * BATCH) / (ms / 1000);
  for (const spec of chosenCases(CASES, word))
    await contest({
      ...spec,
      bench: "frozen_head",
      unit: "images/s",
      rate,
      ours: [process.execPath, [join(here, "frozen_head_ours.mjs"), text]],
      warmUps: 1,
      more: ({ oursMs, theirsMs }) => ({
        epochSeconds: ROWS / rate(oursMs),
        ...(theirsMs ? { theirEpochSeconds: ROWS / rate(theirsMs) } : {}),
      }),
      peers: { [TORCH]: python && [python, [join(here, "frozen_head_torch.py"), text]] },
    });
}
