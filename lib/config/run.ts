// Settings that identify a run, and its seed.
import { z } from "zod";
import { type SettingsOf, setting, text } from "./setting";

/** The rows of the settings that identify a run. */
export const RUN = {
  /** Preset that the config came from. */
  configName: setting(text, "vit_224"),
  /**
   * `frozen`: train neck and head on cached features of the frozen backbone; `fine_tune`: train all parts
   * on images.
   */
  stage: setting(z.enum(["frozen", "fine_tune"]), "fine_tune"),
  /** Name of the run's folder below `checkpoints/`. */
  runName: setting(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "letters, digits, dot, dash and underscore only"),
    "vit_224_fine_tune",
  ),
};

/** Settings that identify a run. */
export interface RunSettings extends SettingsOf<typeof RUN> {}

/** The stage of a run: the parts that it trains. */
export type Stage = RunSettings["stage"];

/** The row of the seed. */
export const SEED = {
  /** Seed of everything random: initial weights, order of the rows, augmentation, dropout. */
  seed: setting(z.number().int(), 999),
};

/** The seed of a run. */
export interface SeedSettings extends SettingsOf<typeof SEED> {}
