// Settings of the weights that a run starts from.
import { z } from "zod";
import { type SettingsOf, setting } from "./setting";

/** The rows of the start settings. */
export const START = {
  /**
   * Run (or `RUN/best`, `RUN/epoch_3:ema`, ...) that gives the initial neck, head and trained backbone; "":
   * fresh ones.
   */
  initFrom: setting(z.string(), ""),
  /**
   * `frozen`: first weights of a fresh `simple` neck. `whitened`: it whitens the training features, and the
   * rows of `Arc_face` are the means of the classes; training improves on that.
   */
  neckStart: setting(z.enum(["random", "whitened"]), "random"),
  /** Start with a fresh head although `initFrom` names a run; needed if the classes differ. */
  reinitHead: setting(z.boolean(), false),
};

/** Settings of the weights that a run starts from. */
export interface StartSettings extends SettingsOf<typeof START> {}
