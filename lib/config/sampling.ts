// Settings of the order in which images are read, and of the threads that read them.
import { z } from "zod";
import { count, type SettingsOf, setting } from "./setting";

/** The rows of the sampling settings. */
export const SAMPLING = {
  numWorkers: setting(count, 10, "Number of threads that read, decode and augment images."),
  sampler: setting(
    z.enum(["shuffle", "class_balanced", "m_per_class"]),
    "shuffle",
    "Rows of an epoch: each row once (`shuffle`), every class equally often (`class_balanced`), or groups of `samplesPerClass` rows of one class (`m_per_class`).",
  ),
  samplesPerClass: setting(
    count,
    4,
    "Rows in a group of one class (`m_per_class`); a divisor of `batchSize`.",
  ),
};

/** Settings of reading and ordering the rows. */
export interface SamplingSettings extends SettingsOf<typeof SAMPLING> {}
