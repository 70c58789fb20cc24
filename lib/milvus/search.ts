// A search in a Milvus collection, by the words of every other index. Shapes: Q queries, N rows, F numbers per row.
import { relative, resolve, sep } from "node:path";
import { UserError } from "../common/errors";
import { listRows, type Vectors } from "../common/vectors";
import type { MadeBy } from "../features/feature_files";
import { modelDifference, modelName } from "../features/same_model";
import type { StoredIndex } from "../retrieval/stored_index";
import { connectMilvus } from "./connection";
import { type CollectionFacts, countRows, loadCollection, readFacts } from "./schema";

/** An open collection. A row's position is its id. */
export interface MilvusIndex extends StoredIndex {
  url: string;
}

/** Candidates that the graph looks at for a query: more is slower and finds more. */
const CANDIDATES = 400;

/** For messages: what a collection is, and what to do where it does too little. */
export const IN_MILVUS = {
  of: "an index in Milvus",
  next: "Leave it out. Whitened vectors: npx guie whiten, embed with that model, push that.",
};

/**
 * Opens a collection that `guie index push` has filled.
 * @param madeBy the properties of the model's vectors
 * @param model its name, for messages
 * @throws UserError if there is none, it is of another model or incomplete, or the server cannot be reached
 * @example
 * const index = await openMilvusIndex("milvus://127.0.0.1:19530/photos", embedder.madeBy, "dinov2-vit-s-14");
 */
export async function openMilvusIndex(url: string, madeBy: MadeBy, model: string): Promise<MilvusIndex> {
  const connection = await connectMilvus(url);
  try {
    const facts = await readFacts(connection);
    if (!facts)
      throw new UserError(
        `${connection.address.url}: the server has no such collection.`,
        `Fill it: npx guie index push FOLDER --to ${connection.address.url}`,
      );
    requireSameModel(connection.address.url, facts, madeBy, model);
    await loadCollection(connection);
    const there = await countRows(connection);
    if (there !== facts.rows)
      throw new UserError(
        `${connection.address.url} holds ${there} of ${facts.rows} rows: its push has not ended.`,
        "Run the same npx guie index push again: it goes on.",
      );
    return milvusIndex(connection, facts);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function requireSameModel(url: string, facts: CollectionFacts, madeBy: MadeBy, model: string): void {
  const name = modelDifference(facts.madeBy, madeBy);
  if (name === undefined) return;
  const other = modelName(facts.madeBy) ?? "an unknown model";
  const isNamed = other !== model;
  const told = isNamed ? `by ${other}` : `by another state of ${model} (${name})`;
  throw new UserError(
    `${url} holds vectors ${told}: they cannot be compared with queries by ${model}.`,
    isNamed
      ? `Search with its own model: npx guie find QUERY --in ${url} --model ${other}`
      : `Embed the images again, then: npx guie index push FOLDER --to ${url} --overwrite`,
  );
}

function milvusIndex(
  { address, call, close }: Awaited<ReturnType<typeof connectMilvus>>,
  { rows: count, length, folder, labelled }: CollectionFacts,
): MilvusIndex {
  const collection_name = address.collection;
  const read = async (positions: ArrayLike<number>, output_fields: string[]) => {
    const ids = Array.from(positions);
    if (ids.length === 0) return [];
    const { data } = await call("read rows", (client) =>
      client.query({
        collection_name,
        filter: `id in [${ids.join(",")}]`,
        output_fields: ["id", ...output_fields],
      }),
    );
    const byId = new Map(data.map((row) => [Number(row.id), row]));
    return ids.map((id) => {
      const row = byId.get(id);
      if (row) return row;
      throw new UserError(`${address.url}: row ${id} is gone.`, "Push the features again.");
    });
  };
  return {
    url: address.url,
    name: collection_name,
    count,
    length,
    labelled,
    close,
    async search(queries: Vectors, k) {
      if (queries.length !== length)
        throw new UserError(`Queries have ${queries.length} numbers per row, the index has ${length}.`);
      const limit = Math.min(k, count);
      const { results } = await call("search the collection", (client) =>
        client.search({
          collection_name,
          data: listRows(queries).map((row) => Array.from(row)),
          limit,
          output_fields: ["id"],
          params: { ef: Math.max(CANDIDATES, limit) },
        }),
      );
      const lists = listsOf(results, queries.count);
      return {
        positions: lists.map((found) => Int32Array.from(found, ({ id }) => Number(id))),
        cosines: lists.map((found) => Float32Array.from(found, ({ score }) => score)),
      };
    },
    async rowsAt(positions) {
      const rows = await read(positions, ["file", "label", "class"]);
      return rows.map(({ file, label, class: name }) => ({
        file: String(file),
        path: pathBelow(folder, String(file)),
        label: labelled ? Number(label) : null,
        name: name === "" ? null : String(name),
      }));
    },
    async vectorAt(position) {
      const [row] = await read([position], ["vector"]);
      return Float32Array.from(row!.vector as number[]);
    },
  };
}

/** Returns the hits of each query: for a single query the client answers one list, not a list of lists. */
function listsOf(results: unknown, queries: number): { id: string; score: number }[][] {
  return (queries === 1 ? [results] : results) as {
    id: string;
    score: number;
  }[][];
}

/** Returns the path of an image; undefined if it leads out of the folder: a server's answer opens no other file. */
function pathBelow(folder: string, file: string): string | undefined {
  const path = resolve(folder, file);
  const way = relative(folder, path);
  return folder === "" || way.startsWith(`..${sep}`) || way === ".." ? undefined : path;
}
