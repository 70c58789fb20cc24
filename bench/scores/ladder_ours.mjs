// Our side of `npm run bench ladder`: `guie train` of one stage in this process.
import { rmSync } from "node:fs";
import { readQueryScores } from "guie/dist/runs/query_scores.js";
import { readMetrics } from "guie/dist/runs/run_folder.js";
import { prepareRunFolder } from "guie/dist/runs/start_folder.js";
import { runTraining } from "guie/dist/training/run.js";
import { serve } from "../shared/contestant.mjs";

const { config, folder } = JSON.parse(process.argv[2]);
let more = {};

await serve(
  async () => {
    rmSync(folder, { recursive: true, force: true });
    await runTraining(prepareRunFolder(config, { folder }));
    const { byKind } = await readQueryScores(folder);
    const { mp5, r1 } = byKind.get("raw");
    const steps = readMetrics(folder).filter((metric) => metric.kind === "step");
    const seconds = steps.reduce((sum, { imagesPerSecond }) => sum + config.batchSize / imagesPerSecond, 0);
    more = { seconds, steps: steps.length, mp5: Array.from(mp5), r1: Array.from(r1) };
  },
  () => more,
);
