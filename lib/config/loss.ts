// Settings of the loss and its margin.
import { z } from "zod";
import { count, positive, type SettingsOf, setting } from "./setting";

const angle = z
  .number()
  .min(0)
  .max(Math.PI / 2);

/** The rows of the loss settings. */
export const LOSS = {
  /** `ArcFace`: the margin is added to the angle; `CosFace`: it is subtracted from the cosine. */
  loss: setting(z.enum(["ArcFace", "CosFace"]), "ArcFace"),
  /** Scale s of the loss. */
  s: setting(positive, 30),
  /** Margin of the first epoch, radians. */
  margin: setting(angle, 0.3),
  /** Growth of the margin per epoch, radians. */
  marginStep: setting(z.number().nonnegative(), 0.1),
  /** Upper limit of the margin as it grows by `marginStep`, radians. */
  marginMax: setting(angle, 0.8),
  /**
   * Lengths, ascending, of first parts of the embedding that are trained as embeddings of their own, with the same first
   * columns of the head: the loss is the mean of theirs and of the whole's, and short vectors are cut from long ones
   * (Matryoshka, MRL-E, Kusupati et al. 2022). None: the whole only.
   */
  matryoshka: setting(z.array(count).readonly(), []),
  /** Give larger classes a smaller share of the margin (`marginShares`). */
  classSizeMargin: setting(z.boolean(), false),
  /**
   * Classes in the softmax of an image: all (`joint`), or those of its own data set (`by_data_set`), as with a head for
   * each data set (UnED). Validation scores follow.
   */
  heads: setting(z.enum(["joint", "by_data_set"]), "joint"),
  /**
   * A loss of pairs beside the margin loss, over the embeddings of a whole step: `SupCon` (supervised contrastive, Khosla
   * et al. 2020) or `MultiSimilarity` (Wang et al. 2019). It needs the sampler `m_per_class`.
   */
  pairLoss: setting(z.enum(["none", "SupCon", "MultiSimilarity"]), "none"),
  /** Factor of the pair loss, which is added to the margin loss. */
  pairLossWeight: setting(positive, 1),
  /** Temperature of `SupCon`, by which cosines are divided. */
  pairTemperature: setting(positive, 0.1),
  /** Factor alpha of `MultiSimilarity` for pairs of one class. */
  pairAlpha: setting(positive, 2),
  /** Factor beta of `MultiSimilarity` for pairs of different classes. */
  pairBeta: setting(positive, 50),
  /** Cosine that `MultiSimilarity` subtracts from all cosines (lambda in the paper). */
  pairBase: setting(z.number().min(-1).max(1), 0.5),
  /**
   * `MultiSimilarity`: pairs of one class count unless they are nearer by this cosine than the nearest image of another
   * class, and the reverse; above 2 all pairs count.
   */
  pairEpsilon: setting(z.number().nonnegative(), 0.1),
};

/** Settings of the loss. */
export interface LossSettings extends SettingsOf<typeof LOSS> {}

/** Settings that define how the loss is computed from cosines. */
export type ArcFaceSettings = Pick<LossSettings, "loss" | "s">;

/** The setting of the parts of the embedding that are trained as embeddings of their own. */
export type PrefixSettings = Pick<LossSettings, "matryoshka">;

/** Settings of the margin schedule. */
export type MarginSettings = Pick<LossSettings, "margin" | "marginStep" | "marginMax">;

/** Settings of the pair loss. */
export type PairLossSettings = Pick<
  LossSettings,
  "pairLoss" | "pairLossWeight" | "pairTemperature" | "pairAlpha" | "pairBeta" | "pairBase" | "pairEpsilon"
>;
