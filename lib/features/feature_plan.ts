// The plan of a folder of features, and its identity. Shapes: N images, F features per image.
import { createHash } from "node:crypto";
import type { Texts } from "../common/texts";
import type { Vectors } from "../common/vectors";
import type { UnusableImage } from "../images/loading/pixel_loader";
import type { FeatureDtype, MadeBy } from "./feature_files";
import type { FeatureSources } from "./feature_sources";
import type { FeatureRows } from "./rows_csv";

/** The plan of a folder of features. */
export interface FeaturePlan {
  /** The images to embed, in the order of the rows. */
  rows: FeatureRows;
  madeBy: MadeBy;
  /** If omitted: float16, or float32 for shards with numbers that do not fit it. */
  dtype?: FeatureDtype;
  /** Images per shard; default 4,096. A killed process loses its unfinished shard. */
  rowsPerShard?: number;
  /** Number of the first shard's file; default 0. */
  firstShard?: number;
  /** True to replace features of other images or with other properties. */
  replace: boolean;
  /** The source files: shards whose images changed are recomputed. If omitted, only `madeBy` counts. */
  sources?: FeatureSources;
}

/** The features of a shard's images, without those that could not be read. */
export interface ShardResult {
  vectors: Vectors;
  skipped: readonly UnusableImage[];
  /** The hash of each image's content, read or not; required for a plan with `sources`. */
  contents?: readonly string[];
}

/** A function that embeds a shard's images. @param start number of images before the shard */
export type EmbedShard = (files: readonly string[], start: number) => Promise<ShardResult>;

/** Default number of images per shard. */
export const ROWS_PER_SHARD = 4096;

/** Returns a hash that identifies the features of a plan. */
export function identityOf({
  rows,
  madeBy,
  dtype = "float16",
  rowsPerShard = ROWS_PER_SHARD,
}: FeaturePlan): string {
  return digest([JSON.stringify([madeBy, dtype, rowsPerShard])], rows.files);
}

/** Returns a hash that identifies the labels, folds, class names and further columns of a plan's rows. */
export function rowsIdentityOf({ rows }: FeaturePlan): string {
  const { labels = [], folds = [], classNames, columns = new Map<string, Texts>() } = rows;
  const further = [...columns].flatMap(([name, texts]) => [[name], texts]);
  return digest(labels, folds, ...(classNames ? [classNames] : []), ...further);
}

/** Returns the SHA-256 of lists, hashed in pieces: the text of millions of paths exceeds the length of a string. */
function digest(...lists: (Iterable<string> | ArrayLike<number>)[]): string {
  const hash = createHash("sha256");
  for (const list of lists) {
    for (const value of list as Iterable<string | number>) hash.update(`${value}\0`);
    hash.update("\0");
  }
  return hash.digest("hex");
}
