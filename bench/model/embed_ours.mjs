// Our side of `npm run bench embed`: runs the backbone like `guie embed`.
import { createBackbone } from "guie/dist/model/backbone.js";
import { serve } from "../shared/contestant.mjs";
import { modelOf, pixelsOf } from "./embed_weights.mjs";

const spec = JSON.parse(process.argv[2]);
const { tower, config, visual } = modelOf(spec);
const backbone = await createBackbone(tower, visual, config);
const pixels = pixelsOf(spec);
await serve(async () => {
  for (let run = 0; run < spec.runs; run++) await backbone.features(pixels);
});
