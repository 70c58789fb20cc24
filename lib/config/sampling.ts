// How images are read, and in which order.
import { z } from "zod";
import { count, type SettingsOf, setting } from "./setting";

/** Threads that read images, and the order of the rows. */
export const SAMPLING = {
  numWorkers: setting(count, 10, "Threads that read, decode and augment images."),
  sampler: setting(
    z.enum(["shuffle", "class_balanced", "m_per_class"]),
    "shuffle",
    "Rows of an epoch: each once (`shuffle`), every class equally often (`class_balanced`), or in runs of `samplesPerClass` rows of one class (`m_per_class`).",
  ),
  samplesPerClass: setting(count, 4, "Rows in a run of one class (`m_per_class`); a divisor of `batchSize`."),
};

/** The settings that say how images are read. */
export interface SamplingSettings extends SettingsOf<typeof SAMPLING> {}
