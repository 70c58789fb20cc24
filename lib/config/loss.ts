// Settings of the loss and its margin.
import { z } from "zod";
import { positive, type SettingsOf, setting } from "./setting";

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
  /** Give larger classes a smaller share of the margin (`marginShares`). */
  classSizeMargin: setting(z.boolean(), false),
};

/** Settings of the loss. */
export interface LossSettings extends SettingsOf<typeof LOSS> {}

/** Settings that define how the loss is computed from cosines. */
export type ArcFaceSettings = Pick<LossSettings, "loss" | "s">;

/** Settings of the margin schedule. */
export type MarginSettings = Pick<LossSettings, "margin" | "marginStep" | "marginMax">;
