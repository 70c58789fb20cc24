// Finds the photos of a stored index that are nearest to other photos: in Milvus, or in a folder searched by codes.
import type { TaskOptions } from "../common/progress";
import type { PhotoEmbedder } from "../features/embed_photos";
import type { ViewOptions } from "../features/features";
import type { StoredIndex } from "../retrieval/stored_index";
import { embedQueries, type Finding, type QueryList } from "./find_photos";

/** Options of `findStored`. */
export interface StoredFindOptions extends TaskOptions, ViewOptions {
  /** Most hits per query, from 1. */
  k: number;
}

/**
 * Finds the nearest rows of each query in a stored index, and closes it. A query that is one of the photos, by its path,
 * does not find itself. Pictures of hits are those of this machine; a hit without one is its name.
 * @throws UserError if none of the queries can be read, or a server fails
 * @example
 * await findStored(embedder, queries, await openCodedFolder("features/photos", 2), { k: 5 });
 */
export async function findStored(
  embedder: PhotoEmbedder,
  queries: readonly QueryList[],
  index: StoredIndex,
  { k, ...options }: StoredFindOptions,
): Promise<Finding> {
  try {
    const asked = await embedQueries(embedder, queries, options);
    const { positions, cosines } = await index.search(asked.vectors, Math.min(index.count, k + 1));
    const results: Finding["results"] = [];
    for (const [i, { query, path }] of asked.queries.entries()) {
      const rows = await index.rowsAt(positions[i]!);
      const ranked = rows.map((row, at) => ({ row, score: cosines[i]![at]! }));
      const isItself = ({ row }: (typeof ranked)[number]) => row.path === path;
      const hits = ranked.filter((found) => !isItself(found)).slice(0, k);
      results.push({
        query,
        path,
        hits: hits.map(({ row, score }, at) => ({
          rank: at + 1,
          score,
          file: row.file,
          path: row.path ?? row.file,
          class: row.label === null ? null : (row.name ?? `class ${row.label}`),
          verdict: null,
        })),
        itself: ranked.filter(isItself).map(({ row }) => row.file),
      });
    }
    const photos = { searched: index.count, embedded: 0, leftOut: [] };
    return { results, unreadable: asked.unreadable, photos, whitened: null, verdict: null };
  } finally {
    await index.close();
  }
}
