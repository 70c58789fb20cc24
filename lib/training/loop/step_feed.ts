// The random numbers of a step: dropout mask, class draws. Shapes: B batch, F features, S classes of a process.
import { randomStream } from "../../common/random";
import { setRows, zeroVectors } from "../../common/vectors";
import type { FeedSettings } from "../../config/parts";
import { dropoutMask } from "../../model/neck";
import { drawPatches, type PatchCounts } from "../../model/patch_dropout";
import type { Batch } from "../data/batches";
import { placesInStep, type Shard } from "../data/samplers";
import type { LossFeed } from "../step/step";

/** Sizes and settings for a process's random numbers. */
export interface FeedParts {
  config: FeedSettings;
  /** F */
  featureCount: number;
  /** Numbers of an image's patches, with patch dropout. */
  patches?: PatchCounts | undefined;
  shard: Shard;
  /** S if the head is sharded, otherwise 0. */
  shardClasses: number;
}

/** Returns a batch with the step's random numbers. @param step from 1 */
export function feedOf({ inputs, labels }: Batch, step: number, margin: number, parts: FeedParts): LossFeed {
  const { config, shard, shardClasses } = parts;
  const patches = parts.patches && stepPatches(step, parts, parts.patches);
  const feed = { inputs, labels, keep: stepMask(step, parts), margin, ...(patches && { patches }) };
  if (shardClasses === 0 || config.classShare === 1) return feed;
  const random = randomStream(config.seed, "classes", step, shard.rank);
  return { ...feed, draws: Float32Array.from({ length: shardClasses }, () => random.uniform()) };
}

/** Draws the dropout mask of a step, [B, F]: every image has its own stream, whichever process sees it. */
function stepMask(step: number, { config, featureCount, shard }: FeedParts): Float32Array {
  const { batchSize, accumulationSteps, dropout, seed } = config;
  const keep = zeroVectors(batchSize, featureCount);
  for (const [i, place] of placesInStep(batchSize, accumulationSteps, shard).entries()) {
    const random = randomStream(seed, "dropout", step, place);
    setRows(keep, i, dropoutMask(featureCount, dropout, random));
  }
  return keep.data;
}

/** Draws the patches that a step computes, [B, M]: every image has its own stream, as in `stepMask`. */
function stepPatches(step: number, { config, shard }: FeedParts, counts: PatchCounts): Int32Array {
  const { batchSize, accumulationSteps, seed } = config;
  const drawn = new Int32Array(batchSize * counts.kept);
  for (const [i, place] of placesInStep(batchSize, accumulationSteps, shard).entries())
    drawn.set(drawPatches(counts, randomStream(seed, "patches", step, place)), i * counts.kept);
  return drawn;
}
