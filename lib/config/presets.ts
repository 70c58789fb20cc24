import { nearestName, UserError } from "../common/errors";
import type { TrainConfig } from "./config";

type Stage = TrainConfig["stage"];

/**
 * The README's run of the original: every number from its flags and config (see docs of each field).
 * @example
 * vit224().tower // "ViT-H-14"
 */
export function vit224(stage: Stage = "fine_tune"): TrainConfig {
  return {
    configName: "vit_224",
    stage,
    runName: `vit_224_${stage}`,
    dataDir: "data/guie",
    features: "",
    csv: "final_data_224_sample_balance_fold.csv",
    fold: 1,
    holdOutShare: 0,
    seed: 999,
    tower: "ViT-H-14",
    weights: "checkpoints/ViT_H_14_2B_vision_model.safetensors",
    imageSize: 224,
    lastBlocks: 1,
    patchMean: false,
    standardise: false,
    neck: "simple",
    dropout: 0.2,
    embeddingDim: 64,
    head: "Arc_face",
    subCentres: 2,
    loss: "ArcFace",
    s: 30,
    margin: 0.3,
    marginStep: 0.1,
    marginMax: 0.8,
    classSizeMargin: false,
    workers: 1,
    gpus: [],
    bucketMB: 25,
    gradientDtype: "float32",
    shardHead: false,
    classShare: 1,
    batchSize: 32,
    accumulationSteps: 1,
    precision: "float32",
    gradientCheckpointing: false,
    nEpochs: 10,
    frozenEpochs: 0,
    warmUpEpochs: 1,
    lrSchedule: "seed",
    trainedBlocks: 0,
    initLr: 1e-4,
    finalLr: 0,
    backboneLrFactor: 1e-3,
    weightDecay: 1e-5,
    emaDecay: 0,
    swaStartEpoch: 0,
    maxStepsPerEpoch: 0,
    initFrom: "",
    reinitHead: false,
    numWorkers: 10,
    sampler: "shuffle",
    samplesPerClass: 4,
    cpktEpoch: 10,
    cpktSteps: 1000,
    nBatchLog: 300,
    keepEverySteps: 0,
    keepCheckpoints: 3,
    bestBy: "mp5",
    bestOf: "raw",
  };
}

/** The run that scored .713 / .709, as its author told it: two epochs of all parts, a third of neck and head alone. */
export function vit224Scored(stage: Stage = "fine_tune"): TrainConfig {
  return {
    ...vit224(stage),
    configName: "vit_224_scored",
    runName: `vit_224_scored_${stage}`,
    margin: 0.1,
    nEpochs: 3,
    frozenEpochs: 1,
  };
}

/**
 * A neck and a sub-centre head on cached features of a frozen SigLIP: .721 on the same competition.
 * @see UniFEx (GCPR 2024); its Adam with weight decay is AdamW here
 */
export function frozenHead(stage: Stage = "frozen"): TrainConfig {
  return {
    ...vit224(stage),
    configName: "frozen_head",
    runName: `frozen_head_${stage}`,
    tower: "ViT-SO400M-14-SigLIP-384",
    weights: "checkpoints/ViT_SO400M_14_SigLIP_384_vision_model.safetensors",
    imageSize: 384,
    head: "Sub_Arc_face",
    subCentres: 3,
    margin: 0.5,
    marginStep: 0,
    batchSize: 128,
    lrSchedule: "cosine",
    initLr: 2e-2,
    finalLr: 1e-3,
    weightDecay: 1e-4,
    cpktSteps: 0,
  };
}

/** What both stages of the demo share: the small pretrained tower at 112 px, class tokens of its last four blocks. */
function demoBase(stage: Stage): TrainConfig {
  return {
    ...vit224(stage),
    configName: "demo",
    runName: `demo_${stage}`,
    dataDir: "data/demo",
    tower: "dinov2-vit-s-14",
    weights: "checkpoints/dinov2_vit_s_14_vision_model.safetensors",
    imageSize: 112,
    lastBlocks: 4,
    standardise: true,
    s: 12,
    margin: 0.4,
    lrSchedule: "cosine",
    numWorkers: 4,
    cpktEpoch: 0,
  };
}

/**
 * The ladder on the demo set, in minutes on two cores: neck on frozen features, then all parts.
 * @example
 * const config = overrideConfig(demo("fine_tune"), { runName: "mine" });
 */
export function demo(stage: Stage = "frozen"): TrainConfig {
  const base = demoBase(stage);
  if (stage === "frozen") {
    return { ...base, batchSize: 128, nEpochs: 8, initLr: 2e-2, marginStep: 0, cpktSteps: 0, nBatchLog: 50 };
  }
  return {
    ...base,
    initFrom: "demo_frozen",
    nEpochs: 1,
    maxStepsPerEpoch: 128,
    initLr: 5e-4,
    backboneLrFactor: 0.12,
    cpktSteps: 32,
    nBatchLog: 4,
  };
}

/**
 * The ladder on photos: the Grocery Store data set, a third of its classes held out, at 168 px.
 * `npm run grocery` makes its data directory.
 */
export function grocery(stage: Stage = "frozen"): TrainConfig {
  return {
    ...demo(stage),
    configName: "grocery",
    runName: `grocery_${stage}`,
    dataDir: "data/grocery",
    imageSize: 168,
    ...(stage === "fine_tune" ? { initFrom: "grocery_frozen", backboneLrFactor: 0.06 } : { initLr: 5e-3 }),
  };
}

/** A few thousand parameters, seconds: for tests only; its results claim nothing. */
export function tiny(stage: Stage = "fine_tune"): TrainConfig {
  return {
    ...demoBase(stage),
    configName: "tiny",
    runName: `tiny_${stage}`,
    tower: "tiny",
    weights: "random",
    imageSize: 28,
    lastBlocks: 2,
    standardise: false,
    embeddingDim: 8,
    s: 20,
    margin: 0.3,
    batchSize: 8,
    nEpochs: 2,
    initLr: 1e-2,
    backboneLrFactor: 0.1,
    maxStepsPerEpoch: 8,
    cpktSteps: 2,
    nBatchLog: 1,
    numWorkers: 2,
  };
}

const PRESETS: Record<string, (stage?: Stage) => TrainConfig> = {
  vit_224: vit224,
  vit_224_scored: vit224Scored,
  frozen_head: frozenHead,
  demo,
  grocery,
  tiny,
};

/** The names that `--config-name` takes. */
export const PRESET_NAMES = Object.keys(PRESETS);

/**
 * The preset called `name`.
 * @throws UserError with the nearest name when there is none
 * @example
 * preset("demo", "fine_tune").initLr
 */
export function preset(name: string, stage?: Stage): TrainConfig {
  const make = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (make) return make(stage);
  const near = nearestName(name, PRESET_NAMES);
  throw new UserError(
    `There is no preset "${name}"; there are: ${PRESET_NAMES.join(", ")}.`,
    near ? `Did you mean "${near}"?` : "Choose one of them (on the command line: --config-name).",
  );
}
