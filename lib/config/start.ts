// The weights that a run starts from.
import { z } from "zod";
import { type SettingsOf, setting } from "./setting";

/** Where the first weights come from. */
export const START = {
  initFrom: setting(
    z.string(),
    "",
    'Run (or `RUN/best`, `RUN/epoch_3:ema`, ...) whose neck, head and trained backbone are the start; "": fresh ones.',
  ),
  reinitHead: setting(
    z.boolean(),
    false,
    "Start with a fresh head although `initFrom` names a run, as is necessary where the classes are others.",
  ),
};

/** The settings that say what a run starts from. */
export interface StartSettings extends SettingsOf<typeof START> {}
