// The presets: complete settings under a name.
import { nearestName, UserError } from "../common/errors";
import { DEFAULTS, type TrainConfig } from "./config";
import type { Stage } from "./run";

/**
 * Returns the README's run of the original: every number from its flags and config.
 * @example
 * vit224().tower // "ViT-H-14"
 */
export function vit224(stage: Stage = "fine_tune"): TrainConfig {
  return { ...DEFAULTS, stage, runName: `vit_224_${stage}` };
}

/** Returns a preset that differs from another. @param own what differs */
function variant(name: string, base: TrainConfig, own: Partial<TrainConfig>): TrainConfig {
  return { ...base, configName: name, runName: `${name}_${base.stage}`, ...own };
}

/** The run that scored .713 / .709, as its author told it: two epochs of all parts, a third of neck and head alone. */
export function vit224Scored(stage: Stage = "fine_tune"): TrainConfig {
  return variant("vit_224_scored", vit224(stage), {
    margin: 0.1,
    nEpochs: 3,
    frozenEpochs: 1,
  });
}

/**
 * A neck and a sub-centre head on cached features of a frozen SigLIP: .721 on the same competition.
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

/** What both stages of the demo share: the small pretrained tower at 112 px, class tokens of its last four blocks. */
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
  return variant("grocery", demo(stage), {
    dataDir: "data/grocery",
    imageSize: 168,
    ...(stage === "fine_tune" ? { initFrom: "grocery_frozen", backboneLrFactor: 0.06 } : { initLr: 5e-3 }),
  });
}

/** A few thousand parameters, seconds: for tests only; its results claim nothing. */
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
