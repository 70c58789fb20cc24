// An index whose rows lie on a server or on disk, asked for by position when they are needed. Shapes: F numbers per row.
import { UserError } from "../common/errors";
import type { SearchIndex } from "./resident_index";

/** What is known of a row. */
export interface StoredRow {
  /** The image's path, below the folder of the images unless it is absolute. */
  file: string;
  /** Absolute; undefined if it cannot be on this machine. */
  path: string | undefined;
  label: number | null;
  /** Name of the class, if known. */
  name: string | null;
}

/** An open index. */
export interface StoredIndex extends SearchIndex {
  name: string;
  /** True if the rows have classes. */
  labelled: boolean;
  /** Returns what is known of rows, in their order. @throws UserError if one is gone */
  rowsAt(positions: ArrayLike<number>): Promise<StoredRow[]>;
  /** Returns the vector of a row, [F]. */
  vectorAt(position: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** What is asked of a search, and needs all vectors in memory or is read from the index itself. */
export interface SearchWishes {
  whiten?: boolean | undefined;
  rerank?: readonly string[] | undefined;
  approximate?: boolean | undefined;
  where?: unknown;
  classNames?: unknown;
  source?: object | undefined;
}

/**
 * Throws a UserError for what a stored index does not do.
 * @param of what it is: "an index in Milvus"
 */
export function requirePlainSearch(
  { whiten, rerank = [], approximate, where, classNames, source = {} }: SearchWishes,
  { of, next }: { of: string; next: string },
): void {
  const useless = [
    ...(whiten === true || rerank.includes("whiten") ? ["whitening by the index's own vectors"] : []),
    ...(rerank.some((method) => method !== "whiten") ? [`re-ranking (${rerank.join("+")})`] : []),
    ...(approximate ? ["an approximate search by a graph"] : []),
    ...(where === undefined ? [] : ["conditions (--where)"]),
    ...(classNames === undefined ? [] : ["names of classes (it has its own)"]),
    ...(Object.keys(source).length > 0 ? ["settings of a folder or table of photos"] : []),
  ];
  if (useless.length > 0) throw new UserError(`Of no use with ${of}: ${useless.join(", ")}.`, next);
}
