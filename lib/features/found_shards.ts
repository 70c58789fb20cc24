// The shards of a plan that are in a folder already, and whether the folder is finished.
import type { Part } from "../common/files/part";
import { type FeatureSummary, readSummary } from "./feature_files";
import { type FeaturePlan, identityOf, rowsIdentityOf } from "./feature_plan";
import { readShard, type Shard, shardsOf } from "./feature_shards";
import { countChanged, SourceNotes } from "./feature_sources";

/** What identifies the features and the rows of a plan. */
export type Identities = Pick<FeatureSummary, "identity" | "rowsIdentity">;

/** Returns the hashes that identify a plan. */
export function identitiesOf(plan: FeaturePlan): Identities {
  return { identity: identityOf(plan), rowsIdentity: rowsIdentityOf(plan) };
}

/** Tells whether a folder was finished for a plan; its images may have changed since. */
export function isFinished(path: string, { identity, rowsIdentity }: Identities): boolean {
  const summary = readSummary(path);
  return summary?.identity === identity && summary.rowsIdentity === rowsIdentity;
}

/** The shards of a plan that are in a folder. */
export interface FoundShards {
  /** Those that can stay, by file. */
  kept: ReadonlyMap<string, Shard>;
  /** True if the folder is finished, and all its shards can stay. */
  isWhole: boolean;
  /** Says how many images have changed; undefined if none has. */
  changed: string | undefined;
}

/** What `findShards` looks at; if omitted, all shards, by the notes of the folder. */
export interface ShardSearch {
  identities?: Identities;
  notes?: SourceNotes;
  /** Only the shards of this part are looked at. */
  part?: Part | undefined;
}

/** Finds the shards of a plan in a folder that can stay. */
export async function findShards(
  path: string,
  plan: FeaturePlan,
  { identities = identitiesOf(plan), notes = new SourceNotes(path), part }: ShardSearch = {},
): Promise<FoundShards> {
  const kept = new Map<string, Shard>();
  let [shards, changedShards, changed] = [0, 0, 0];
  for (const { file, files } of shardsOf(plan, part)) {
    shards++;
    const shard = readShard(path, file);
    if (shard?.identity !== identities.identity || (plan.dtype !== undefined && shard.dtype !== plan.dtype))
      continue;
    const others = plan.sources ? await countChanged(file, shard, files, plan.sources, notes) : 0;
    if (others === 0) kept.set(file, shard);
    else changedShards++;
    changed += others;
  }
  return {
    kept,
    isWhole: isFinished(path, identities) && kept.size === shards,
    changed: changed > 0 ? changedText({ changed, changedShards, shards }) : undefined,
  };
}

function changedText({
  changed,
  changedShards,
  shards,
}: Record<"changed" | "changedShards" | "shards", number>): string {
  const images = changed === 1 ? "1 image was" : `${changed.toLocaleString("en-US")} images were`;
  return `${images} changed, or can be read now; ${changedShards} of ${shards} files of features are recomputed.`;
}
