// The presets: complete configs under a name.
import { nearestName, UserError } from "../common/errors";
import { DEFAULTS, type TrainConfig } from "./config";
import type { Stage } from "./run";

/**
 * Returns the config of the original's run in its README: every number is from its flags and config.
 * @example
 * vit224().tower // "ViT-H-14"
 */
export function vit224(stage: Stage = "fine_tune"): TrainConfig {
  return { ...DEFAULTS, stage, runName: `vit_224_${stage}` };
}

/** Returns a preset that is another one with some changes. */
function variant(name: string, base: TrainConfig, changes: Partial<TrainConfig>): TrainConfig {
  return { ...base, configName: name, runName: `${name}_${base.stage}`, ...changes };
}

/** Returns the run that scored 0.713 / 0.709, by its author's words: two epochs of all parts, one of neck and head. */
export function vit224Scored(stage: Stage = "fine_tune"): TrainConfig {
  return variant("vit_224_scored", vit224(stage), {
    margin: 0.1,
    nEpochs: 3,
    frozenEpochs: 1,
  });
}

/**
 * Returns a neck and a sub-centre head on cached features of a frozen SigLIP: 0.721 in the same competition.
 * @see UniFEx (GCPR 2024); its Adam with weight decay is AdamW here
 */
export function frozenHead(stage: Stage = "frozen"): TrainConfig {
  return variant("frozen_head", vit224(stage), {
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
  });
}

/** Returns the base of both demo stages: a small pretrained tower, 112 px, class tokens of the last four blocks. */
function demoBase(stage: Stage): TrainConfig {
  return variant("demo", vit224(stage), {
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
  });
}

/**
 * Returns a stage of the ladder on the demo set, minutes on two cores: neck on frozen features, then all parts.
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
 * Returns a stage of the ladder on photos: the Grocery Store data set, a third of its classes held out, 168 px.
 * `npm run grocery` makes its data directory.
 */
export function grocery(stage: Stage = "frozen"): TrainConfig {
  return variant("grocery", demo(stage), {
    dataDir: "data/grocery",
    imageSize: 168,
    ...(stage === "fine_tune" ? { initFrom: "grocery_frozen", backboneLrFactor: 0.06 } : { initLr: 5e-3 }),
  });
}

/**
 * Returns a stage of the ladder for few photos, from tens to some thousands: the neck starts as a whitening of their
 * features, and small steps improve on it (docs/how_to/small_data.md). Few images are gone through often: 300 steps at least.
 */
export function small(stage: Stage = "frozen"): TrainConfig {
  const common = { imageSize: 168, embeddingDim: 256, s: 12, margin: 0.2, batchSize: 64 };
  if (stage === "frozen")
    return variant("small", demo(stage), { ...common, neckStart: "whitened", initLr: 1e-4, leastSteps: 300 });
  return variant("small", demo(stage), {
    ...common,
    initFrom: "small_frozen",
    batchSize: 32,
    initLr: 1e-4,
    leastSteps: 64,
  });
}

/** Returns a config for tests only: a few thousand parameters, seconds; its results mean nothing. */
export function tiny(stage: Stage = "fine_tune"): TrainConfig {
  return variant("tiny", demoBase(stage), {
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
  });
}

const PRESETS: Record<string, (stage?: Stage) => TrainConfig> = {
  vit_224: vit224,
  vit_224_scored: vit224Scored,
  frozen_head: frozenHead,
  demo,
  grocery,
  small,
  tiny,
};

/** The names that `--config-name` accepts. */
export const PRESET_NAMES = Object.keys(PRESETS);

/**
 * Returns the preset of that name.
 * @throws UserError for an unknown name, with the nearest one
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
