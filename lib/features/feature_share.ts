// One part of a folder of features, made next to other processes that make the others; lib/features/feature_writer.ts
// completes the folder.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { claimAfter } from "../common/files/claim";
import { makeFolder } from "../common/files/files";
import { keptFolder } from "../common/files/kept_folder";
import type { Part } from "../common/files/part";
import { isUnsettled, settleReplaced } from "../common/files/replace";
import { asShare, shareFile, shareFiles } from "../common/files/shares";
import { FEATURE_FILES } from "./feature_files";
import type { EmbedShard, FeaturePlan } from "./feature_plan";
import { readShard, type Shard, shardsOf, writeShards } from "./feature_shards";
import { NOTES_ENDING, SourceNotes } from "./feature_sources";
import { findShards, identitiesOf } from "./found_shards";
import { EMBEDDING, shardPlace } from "./shard_place";

/** Numbers of a part of a folder of features. */
export interface FeatureShare {
  /** Number of images of this part. */
  images: number;
  /** Number of its shards. */
  shards: number;
  /** Number of its images that could not be read. */
  skipped: number;
  /** Number of images of all parts. */
  total: number;
}

/**
 * Embeds one part of a plan's shards into a folder, next to other processes that embed the others. A last call of
 * `ensureFeatureFolder` completes the folder: its files are those of one process.
 * @param path absolute
 * @param embedder called only if a shard of this part is missing
 * @returns numbers of images of this part, and of all
 * @throws UserError as `ensureFeatureFolder`; UnreachableFile
 */
export async function ensureFeatureShare(
  path: string,
  plan: FeaturePlan,
  part: Part,
  embedder: () => Promise<EmbedShard>,
): Promise<FeatureShare> {
  if (isUnsettled(path)) await settleAsOwner(path);
  const identities = identitiesOf(plan);
  return asShare(path, part, EMBEDDING, async () => {
    const target = shardPlace(path, plan, identities.identity);
    const own = shareFile(path, part, NOTES_ENDING);
    const { old, recent } = shareFiles(path, NOTES_ENDING);
    makeFolder(target);
    makeFolder(dirname(own));
    const notes = new SourceNotes(target, { own, known: [...old, ...recent] });
    const { kept } = await findShards(target, plan, { identities, notes, part });
    const begin = async () => {
      if (target === path) rmSync(join(path, FEATURE_FILES.summary), { force: true });
      return embedder();
    };
    const shards = await writeShards(target, plan, identities.identity, begin, { kept, notes, part });
    return shareOf(plan, part, shards);
  });
}

async function settleAsOwner(path: string): Promise<void> {
  const { release } = await claimAfter(path, EMBEDDING);
  try {
    settleReplaced(path);
  } finally {
    release();
  }
}

/** One part of a plan, and who embeds it. */
export interface ShareOfPlan {
  plan: FeaturePlan;
  part: Part;
  embedder: () => Promise<EmbedShard>;
}

/** Embeds one part of features that belong to a data directory, where `ensureKeptFeatures` keeps them. */
export async function ensureKeptShare(
  home: string,
  parts: readonly string[],
  { plan, part, embedder }: ShareOfPlan,
): Promise<FeatureShare> {
  const [own, kept] = [join(home, ...parts), keptFolder(home, ...parts)];
  if (own === kept || !(await findShards(own, plan)).isWhole)
    return ensureFeatureShare(kept, plan, part, embedder);
  const shards = [...shardsOf(plan, part)].map(({ file }) => readShard(own, file)!);
  return shareOf(plan, part, shards);
}

function shareOf(plan: FeaturePlan, part: Part, shards: readonly Shard[]): FeatureShare {
  const images = [...shardsOf(plan, part)].reduce((sum, { files }) => sum + files.length, 0);
  const skipped = shards.reduce((sum, shard) => sum + shard.skipped.length, 0);
  return { images, shards: shards.length, skipped, total: plan.rows.files.length };
}
