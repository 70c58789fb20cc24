// Our side of `npm run bench frozen_head`: runs the trainer of `guie train --features`.
import { overrideConfig } from "guie/dist/config/config.js";
import { frozenHead } from "guie/dist/config/presets.js";
import { buildTraining } from "guie/dist/training/build.js";
import { serve } from "../shared/contestant.mjs";

const { folder, batch, steps } = JSON.parse(process.argv[2]);
const config = overrideConfig(frozenHead(), { features: folder, batchSize: batch });
const { trainer } = await buildTraining(config);

await serve(async () => {
  for (let i = 0; i < steps; i++) await trainer.step();
});
