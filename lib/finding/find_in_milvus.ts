// Finds the photos of a collection in Milvus that are nearest to other photos.
import type { TaskOptions } from "../common/progress";
import type { PhotoEmbedder } from "../features/embed_photos";
import { openMilvusIndex } from "../milvus/search";
import { embedQueries, type Finding, type QueryList } from "./find_photos";

/** Options of `findInMilvus`. */
export interface MilvusFindOptions extends TaskOptions {
  /** Most hits per query, from 1. */
  k: number;
  /** Name of the model, for messages. */
  model: string;
}

/**
 * Finds the nearest rows of each query in a collection that `guie index push` has filled. A query that is one of the
 * photos, by its path, does not find itself. Pictures of hits are those of this machine; a hit without one is its name.
 * @param url milvus://host:port/collection
 * @throws UserError if none of the queries can be read, the collection is of another model, or the server fails
 * @example
 * await findInMilvus(embedder, queries, "milvus://127.0.0.1:19530/photos", { k: 5, model: "dinov2-vit-s-14" });
 */
export async function findInMilvus(
  embedder: PhotoEmbedder,
  queries: readonly QueryList[],
  url: string,
  { k, model, ...options }: MilvusFindOptions,
): Promise<Finding> {
  const index = await openMilvusIndex(url, embedder.madeBy, model);
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
