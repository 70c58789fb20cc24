// One state of an index in memory, and how the next one is read: only vectors that are new come from disk.
// Shapes: N rows, F features per row.
import { join } from "node:path";
import { pickRows, setRows, type Vectors, zeroVectors } from "../common/vectors";
import { readClassNames } from "../datasets/class_names";
import { FEATURE_FILES, type Features, withFeatures } from "../features/feature_files";
import type { FeatureRows } from "../features/rows_csv";
import { contentsOf } from "./add";

/** A state of an index. */
export interface IndexSnapshot {
  features: Features;
  /** [N, F]. */
  vectors: Vectors;
  rows: FeatureRows;
  /** The hash of each row's image; undefined if the shards have none. */
  contents: readonly string[] | undefined;
  classNames: ReadonlyMap<number, string>;
}

/**
 * Reads the present state of an index.
 * @param before an earlier state: vectors that are in both are copied from it
 * @returns `before` itself if nothing has changed
 * @throws UserError as `openFeatures`
 */
export function readSnapshot(folder: string, before?: IndexSnapshot): Promise<IndexSnapshot> {
  return withFeatures(folder, async (features) => {
    if (features.identity === before?.features.identity) return before;
    return {
      features,
      vectors: before ? readChanged(features, before) : features.readAll(),
      rows: await features.readRows(),
      contents: contentsOf(features),
      classNames: await readClassNames(join(features.folder, FEATURE_FILES.classes)),
    };
  });
}

/** Reads vectors, those of known shards from memory. A shard's file never changes, its rows only become fewer. */
function readChanged(features: Features, before: IndexSnapshot): Vectors {
  const known = placesOf(before);
  const vectors = zeroVectors(features.count, features.length);
  let row = 0;
  for (const [shard, { file, count, kept }] of features.shards.entries()) {
    const places = known.get(file);
    const data = places
      ? pickRows(before.vectors, kept ? Array.from(kept, (at) => places(at)) : countedFrom(places(0), count))
      : features.readShard(shard);
    setRows(vectors, row, data.data);
    row += count;
  }
  return vectors;
}

/** Returns, for each shard of a state, a function from the number of a row in its file to the position of its vector. */
function placesOf({ features: { shards } }: IndexSnapshot): Map<string, (row: number) => number> {
  let start = 0;
  return new Map(
    shards.map(({ file, count, kept }) => {
      const first = start;
      start += count;
      const positions = kept && new Map(Array.from(kept, (row, at) => [row, first + at]));
      return [file, (row: number) => positions?.get(row) ?? first + row];
    }),
  );
}

function countedFrom(first: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => first + i);
}
