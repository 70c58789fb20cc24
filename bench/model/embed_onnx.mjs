// onnxruntime's side of `npm run bench embed`: runs the file of `guie export --format onnx`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportOnnx } from "guie/dist/export/onnx.js";
import { joinSources, withPrefix } from "guie/dist/model/weight_source.js";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { serve } from "../shared/contestant.mjs";
import { modelOf, pixelsOf } from "./embed_weights.mjs";

const spec = JSON.parse(process.argv[2]);
const { tower, config, visual, neck } = modelOf(spec);
const folder = mkdtempSync(join(tmpdir(), "guie-bench-"));
await exportOnnx({ tower, config, weights: joinSources(withPrefix("visual.", visual), neck) }, folder, false);
const session = await InferenceSession.create(join(folder, "model.onnx"));
rmSync(folder, { recursive: true });
const { batch, imageSizePx: side } = spec;
const pixel_values = new Tensor("float32", pixelsOf(spec), [batch, 3, side, side]);
await serve(async () => {
  for (let run = 0; run < spec.runs; run++) await session.run({ pixel_values });
});
