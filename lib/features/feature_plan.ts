// What becomes a folder of features, and how it is known again. Shapes: N images, F features of each.
import { createHash } from "node:crypto";
import type { Vectors } from "../common/vectors";
import type { UnusableImage } from "../images/loading/pixel_loader";
import type { FeatureDtype, FeatureRows, MadeBy } from "./feature_files";
import type { FeatureSources } from "./feature_sources";

/** What becomes a folder of features. */
export interface FeaturePlan {
  /** The images to embed, in the order of the rows. */
  rows: FeatureRows;
  madeBy: MadeBy;
  /** If omitted: float16, and float32 for shards with numbers that do not fit it. */
  dtype?: FeatureDtype;
  /** Images of a shard, which is lost when the process is killed before its end: 4,096. */
  rowsPerShard?: number;
  /** Whether features of other images, or made otherwise, give way. */
  replace: boolean;
  /** The files that they are made from: shards whose images changed are made anew. Without, `madeBy` tells all. */
  sources?: FeatureSources;
}

/** The features of some images, without those that could not be read. */
export interface ShardResult {
  vectors: Vectors;
  skipped: readonly UnusableImage[];
  /** The hash of each image's content, read or not; a plan with `sources` needs it. */
  contents?: readonly string[];
}

/** Embeds a shard's images. @param start how many images stand before them */
export type EmbedShard = (files: readonly string[], start: number) => Promise<ShardResult>;

/** Images of a shard, unless a plan says otherwise. */
export const ROWS_PER_SHARD = 4096;

/** Names what a folder of this plan holds. */
export function identityOf({
  rows,
  madeBy,
  dtype = "float16",
  rowsPerShard = ROWS_PER_SHARD,
}: FeaturePlan): string {
  return digest([JSON.stringify([madeBy, dtype, rowsPerShard])], rows.files);
}

/** Names the labels and folds of its rows. */
export function rowsIdentityOf({ rows }: FeaturePlan): string {
  return digest(rows.labels ?? [], rows.folds ?? []);
}

/** SHA-256 over lists, in pieces: the text of millions of paths would be longer than a string can be. */
function digest(...lists: (Iterable<string> | ArrayLike<number>)[]): string {
  const hash = createHash("sha256");
  for (const list of lists) {
    for (const value of list as Iterable<string | number>) hash.update(`${value}\0`);
    hash.update("\0");
  }
  return hash.digest("hex");
}
