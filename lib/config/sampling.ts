// Settings of the order in which images are read, and of the threads that read them.
import { z } from "zod";
import { count, type SettingsOf, setting } from "./setting";

/** The rows of the sampling settings. */
export const SAMPLING = {
  /** Number of threads that read, decode and augment images. */
  numWorkers: setting(count, 10),
  /**
   * Rows of an epoch: each row once (`shuffle`), every class equally often (`class_balanced`), or groups of
   * `samplesPerClass` rows of one class (`m_per_class`).
   */
  sampler: setting(z.enum(["shuffle", "class_balanced", "m_per_class"]), "shuffle"),
  /**
   * Rows among which images from tars are shuffled (`imagesFrom`); a process holds so many of them in memory, as
   * files.
   */
  shuffleBuffer: setting(count, 4096),
  /** Rows in a group of one class (`m_per_class`); a divisor of `batchSize`. */
  samplesPerClass: setting(count, 4),
  /**
   * Share of each data set in an epoch, whose length stays the same: as the table has it (`rows`), by the square root of
   * its rows (`square_root`), all alike (`equal`), or all images of a step of one data set, each in turn (`round_robin`;
   * UnED).
   */
  dataSetSampling: setting(z.enum(["rows", "square_root", "equal", "round_robin"]), "rows"),
};

/** Settings of reading and ordering the rows. */
export interface SamplingSettings extends SettingsOf<typeof SAMPLING> {}
