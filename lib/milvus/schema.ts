// A collection as this library makes it: a row per image, and properties that say which features it holds.
//   id      the row of the features, from 0        vector  [F] numbers, searched by cosine through HNSW
//   file    the image's path below the folder      label, class   its class, -1 and "" without one
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { FEATURE_FILES, type Features, type MadeBy } from "../features/feature_files";
import type { MilvusConnection } from "./connection";

/** What a collection says of itself in its properties. */
export interface CollectionFacts {
  /** The properties of the vectors. */
  madeBy: MadeBy;
  /** The folder of the images on the machine that pushed them. */
  folder: string;
  /** SHA-256 of the summary of the features: other features have another one. */
  identity: string;
  /** N, the number of rows once the push is complete. */
  rows: number;
  /** F. */
  length: number;
  /** True if the images have classes. */
  labelled: boolean;
}

/** The property that holds the facts, as JSON. */
const PROPERTY = "guie.features";
const FACTS = z.object({
  madeBy: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  folder: z.string(),
  identity: z.string(),
  rows: z.number().int().positive(),
  length: z.number().int().positive(),
  labelled: z.boolean(),
}) satisfies z.ZodType<CollectionFacts>;

/** Most bytes of a path or a class's name. */
export const MOST_BYTES = 8192;
const FIELDS = {
  id: "Int64",
  vector: "FloatVector",
  file: "VarChar",
  label: "Int64",
  class: "VarChar",
} as const;
/** The graph of rows: more edges than Milvus's default of 16, for the recall of a search. */
const HNSW = { M: 32, efConstruction: 200 } as const;

/** Returns the facts of a folder of features. */
export function factsOf(features: Features, labelled: boolean): CollectionFacts {
  const { folder, madeBy, count: rows, length } = features;
  const summary = readFileSync(join(folder, FEATURE_FILES.summary));
  const identity = createHash("sha256").update(summary).digest("hex");
  return { madeBy, folder: String(madeBy.folder ?? ""), identity, rows, length, labelled };
}

/**
 * Reads the facts of the collection.
 * @returns undefined if there is no such collection
 * @throws UserError for a collection that `guie index push` has not made, or of another schema
 */
export async function readFacts({ address, call }: MilvusConnection): Promise<CollectionFacts | undefined> {
  const { collection: collection_name, url } = address;
  const has = await call("look for the collection", (client) => client.hasCollection({ collection_name }));
  if (!has.value) return undefined;
  const { properties, schema } = await call("describe the collection", (client) =>
    client.describeCollection({ collection_name }),
  );
  const text = properties.find(({ key }) => key === PROPERTY)?.value;
  const next = "Name another collection: this one belongs to somebody else, and is left alone.";
  if (text === undefined)
    throw new UserError(`${url}: this collection was not made by guie index push.`, next);
  const { data: facts } = FACTS.safeParse(parsed(String(text)));
  if (!facts)
    throw new UserError(`${url}: the property ${PROPERTY} of this collection cannot be read.`, next);
  const found = schema.fields.map(({ name, data_type, type_params }) => {
    const dim = type_params.find(({ key }) => key === "dim")?.value;
    return `${name} ${data_type}${dim === undefined ? "" : `[${dim}]`}`;
  });
  const wanted = Object.entries(FIELDS).map(
    ([name, type]) => `${name} ${type}${name === "vector" ? `[${facts.length}]` : ""}`,
  );
  if (found.toSorted().join() !== wanted.toSorted().join())
    throw new UserError(
      `${url}: expected a collection with ${wanted.join(", ")}; it has ${found.join(", ")}.`,
      next,
    );
  return facts;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Makes the collection with its index, empty. */
export async function createCollection(
  { address, call }: MilvusConnection,
  facts: CollectionFacts,
): Promise<void> {
  const { DataType } = await import("@zilliz/milvus2-sdk-node");
  const { collection: collection_name } = address;
  await call("make the collection", async (client) => {
    const has = await client.hasCollection({ collection_name }); // an attempt whose answer was lost has made it
    if (has.value) return has;
    return client.createCollection({
      collection_name,
      properties: { [PROPERTY]: JSON.stringify(facts) },
      fields: [
        { name: "id", data_type: DataType.Int64, is_primary_key: true, autoID: false },
        { name: "vector", data_type: DataType.FloatVector, dim: facts.length },
        { name: "file", data_type: DataType.VarChar, max_length: MOST_BYTES },
        { name: "label", data_type: DataType.Int64 },
        { name: "class", data_type: DataType.VarChar, max_length: MOST_BYTES },
      ],
    });
  });
}

/** Makes the index of the vectors, if there is none, and loads the collection, which searches and counts need. */
export async function loadCollection({ address, call }: MilvusConnection): Promise<void> {
  const { collection: collection_name } = address;
  await call("make the index", async (client) => {
    const has = await client.describeIndex({ collection_name, field_name: "vector" });
    if (has.index_descriptions.length > 0) return has;
    return client.createIndex({
      collection_name,
      field_name: "vector",
      index_name: "vector",
      index_type: "HNSW",
      metric_type: "COSINE",
      params: HNSW,
    });
  });
  await call("load the collection", (client) => client.loadCollectionSync({ collection_name }));
}

/** Deletes the collection. */
export async function dropCollection({ address, call }: MilvusConnection): Promise<void> {
  await call("delete the collection", (client) =>
    client.dropCollection({ collection_name: address.collection }),
  );
}

/** Counts the rows of the collection: those that `guie index push` has sent. */
export async function countRows({ address, call }: MilvusConnection): Promise<number> {
  const { data } = await call("count rows", (client) =>
    client.query({ collection_name: address.collection, filter: "", output_fields: ["count(*)"] }),
  );
  return Number(data[0]?.["count(*)"] ?? 0);
}

/** Returns those of some rows that are there. Rows are asked for by id: a range would be searched row by row. */
export async function presentRows(
  { address, call }: MilvusConnection,
  ids: readonly number[],
): Promise<Set<number>> {
  const { data } = await call("look for rows", (client) =>
    client.query({
      collection_name: address.collection,
      filter: `id in [${ids.join(",")}]`,
      output_fields: ["id"],
    }),
  );
  return new Set(data.map(({ id }) => Number(id)));
}
