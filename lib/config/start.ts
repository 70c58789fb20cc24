// Settings of the weights that a run starts from.
import { z } from "zod";
import { type SettingsOf, setting } from "./setting";

/** The rows of the start settings. */
export const START = {
  initFrom: setting(
    z.string(),
    "",
    'Run (or `RUN/best`, `RUN/epoch_3:ema`, ...) that gives the initial neck, head and trained backbone; "": fresh ones.',
  ),
  reinitHead: setting(
    z.boolean(),
    false,
    "Start with a fresh head although `initFrom` names a run; needed if the classes differ.",
  ),
};

/** Settings of the weights that a run starts from. */
export interface StartSettings extends SettingsOf<typeof START> {}
