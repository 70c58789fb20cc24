// Settings that one stage alone uses.
import type { SettingName } from "./config";
import type { Stage } from "./run";

/** The two stages, in the order in which they are trained. */
export const STAGES: readonly Stage[] = ["frozen", "fine_tune"];

/** Settings without effect in the other stage: the frozen stage trains no backbone and reads no image twice. */
const OF_ONE_STAGE: Readonly<Partial<Record<SettingName, Stage>>> = {
  features: "frozen",
  neckStart: "frozen",
  augmentation: "fine_tune",
  backboneLrFactor: "fine_tune",
  frozenEpochs: "fine_tune",
  gradientCheckpointing: "fine_tune",
  imagesFrom: "fine_tune",
  layerDecay: "fine_tune",
  loraAlpha: "fine_tune",
  loraRank: "fine_tune",
  patchDropout: "fine_tune",
  shuffleBuffer: "fine_tune",
  trainedBlocks: "fine_tune",
};

/** Returns the stages that use a setting. */
export function stagesOf(setting: SettingName): readonly Stage[] {
  const only = OF_ONE_STAGE[setting];
  return only === undefined ? STAGES : [only];
}
