// The cost of a config at once: its tables are counted and this machine is measured only when they must be.

import { measureProductRate } from "../../engine/program/product_rate";
import { findTower } from "../../model/towers";
import { estimateOf, type ImageCounts, imageCounts, type RunEstimate } from "../../training/estimate";
import type { Config } from "./moved_settings";

/** This machine's rate of matrix products by their width; measuring one takes a second. */
const rates = new Map<number, Promise<number>>();

function rateOf(width: number): Promise<number> {
  const rate = rates.get(width) ?? measureProductRate(width);
  rates.set(width, rate);
  return rate;
}

/** Returns a function that estimates configs; it keeps the counts of the tables that it has read. */
export function costOfConfigs(): (config: Config) => Promise<RunEstimate> {
  const counts = new Map<string, Promise<ImageCounts | undefined>>();
  return async (config) => {
    const { dataDir, csv, fold, holdOutShare, seed, features } = config;
    const key = JSON.stringify([dataDir, csv, fold, features, holdOutShare, holdOutShare > 0 ? seed : 0]);
    const counted = counts.get(key) ?? imageCounts(config);
    counts.set(key, counted);
    return estimateOf(config, await rateOf(findTower(config.tower).width), await counted);
  };
}
