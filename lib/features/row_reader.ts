// Single rows of features on disk. Shapes: N rows, F features per row.
import { join } from "node:path";
import { openTensorRows } from "../formats/safetensors";
import { type Features, SHARD_TENSOR } from "./feature_files";

/** Rows of a folder of features, each read from its shard when it is asked for. */
export interface FeatureRowReader {
  /** Returns a row as float32, [F]. @throws RangeError for a row that there is not */
  read(row: number): Float32Array;
  close(): void;
}

/**
 * Opens the shards of a folder of features to read single rows: a few hundred bytes each, whatever N is.
 * @throws UserError if a shard is missing or cut short
 * @example
 * const rows = openFeatureRows(openFeatures("features/photos")); rows.read(7); rows.close();
 */
export function openFeatureRows({
  folder,
  shards,
  count,
}: Pick<Features, "folder" | "shards" | "count">): FeatureRowReader {
  const files = shards.map(({ file }) => openTensorRows(join(folder, file), SHARD_TENSOR));
  const starts: number[] = [];
  let start = 0;
  for (const shard of shards) {
    starts.push(start);
    start += shard.count;
  }
  return {
    read(row) {
      if (!(row >= 0 && row < count))
        throw new RangeError(`There are ${count} rows; row ${row} was asked for.`);
      const shard = starts.findLastIndex((first) => first <= row);
      const place = row - starts[shard]!;
      return files[shard]!.read(shards[shard]!.kept?.[place] ?? place);
    },
    close() {
      for (const file of files) file.close();
    },
  };
}
