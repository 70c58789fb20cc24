// Our side of `npm run bench vit`: runs the traced functions of embedding and training.

import { randomStream } from "guie/dist/common/random.js";
import { vit224 } from "guie/dist/config/presets.js";
import { Program } from "guie/dist/engine/program/program.js";
import { towerFeatures } from "guie/dist/model/embedding_model.js";
import { freshTower } from "guie/dist/model/tower_weights.js";
import { findTower } from "guie/dist/model/towers.js";
import { vitFeatures } from "guie/dist/model/vit.js";
import { fillProgram } from "guie/dist/model/weight_source.js";
import { declareOptimizer } from "guie/dist/training/step/optimizer_state.js";
import { groupRates } from "guie/dist/training/step/rate_groups.js";
import { traceStep } from "guie/dist/training/step/step.js";
import { serve } from "../shared/contestant.mjs";
import { freshModel } from "../shared/fresh_model.mjs";

const CLASSES = 1000;
const EMBEDDING = 64;
const RATE = 1e-5;
const spec = JSON.parse(process.argv[2]);
const { imageSizePx, width, layers, heads, batch } = spec;
const config = { ...vit224(), ...spec.config };
const tower = { ...findTower(spec.base), imageSizePx, width, layers, heads };
const inputShape = [batch, imageSizePx, imageSizePx, 3];
const random = randomStream(1, "bench");
const images = Float32Array.from({ length: batch * imageSizePx ** 2 * 3 }, () => random.normal());

async function prepareForward() {
  const program = new Program();
  await fillProgram(program, freshTower(tower, random, imageSizePx));
  const forward = program.function(
    "features",
    ({ images }, variables) => {
      const weights = Object.fromEntries(program.variableNames.map((name) => [name, variables.read(name)]));
      return vitFeatures(weights, /** @type {any} */ (images), tower, config);
    },
    { images: { shape: inputShape } },
  );
  return () => forward.run({ images });
}

async function prepareStep() {
  const program = new Program();
  const sizes = { imageSizePx, featureCount: width, classes: CLASSES };
  const weights = freshModel(tower, { ...config, embeddingDim: EMBEDDING }, sizes, random);
  const { shapes } = weights;
  await fillProgram(program, weights);
  await declareOptimizer(program, shapes, config);
  const features = towerFeatures(tower, config);
  const step = traceStep(program, { config, shapes, features, inputShape, featureCount: width });
  const labels = Int32Array.from({ length: batch }, (_, i) => i);
  const keep = new Float32Array(batch * width).fill(1);
  const rates = { head: RATE, backbone: RATE };
  let count = 0;
  return () => {
    const ofStep = groupRates(step.groups, ++count, rates, config);
    return step.run({ inputs: images, labels, keep, margin: 0.3, rates: ofStep });
  };
}

await serve(await (spec.work === "step" ? prepareStep() : prepareForward()));
