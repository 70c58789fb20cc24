// Sends a folder of features to a Milvus server. Shapes: N images, F features per image.
import { join } from "node:path";
import { UserError } from "../common/errors";
import { checkInterrupt, withSignal } from "../common/interrupt";
import type { OnProgress, TaskOptions } from "../common/progress";
import { rowOf, type Vectors } from "../common/vectors";
import { readClassNames } from "../datasets/class_names";
import { FEATURE_FILES, type Features, openFeatures } from "../features/feature_files";
import type { FeatureRows } from "../features/rows_csv";
import { connectMilvus, type MilvusConnection, PUSH_LIMITS } from "./connection";
import {
  type CollectionFacts,
  countRows,
  createCollection,
  dropCollection,
  factsOf,
  loadCollection,
  MOST_BYTES,
  presentRows,
  readFacts,
} from "./schema";

/** Options of `pushFeatures`. */
export interface PushOptions extends TaskOptions {
  /** True to replace a collection of other features; one that `guie index push` has not made is never deleted. */
  overwrite?: boolean;
}

/** A push that is complete. */
export interface PushReport {
  url: string;
  /** N. */
  rows: number;
  /** Rows that were sent now; the others were there. */
  sent: number;
}

/** Most rows of a request, and most bytes of their vectors. */
const BATCH = { rows: 1000, bytes: 4e6 } as const;

/**
 * Sends features to a collection, milvus://host:port/collection, which it makes. Rows that are there are not sent again:
 * after a kill the same call goes on. A search refuses the collection until all rows are there.
 * @throws UserError for vectors that have no direction; for a collection of other features, without `overwrite`; if the
 *   server cannot be reached or refuses
 * @example
 * await pushFeatures("features/photos", "milvus://127.0.0.1:19530/photos");
 */
export function pushFeatures(
  folder: string,
  to: string,
  { overwrite = false, signal, onProgress }: PushOptions = {},
): Promise<PushReport> {
  return withSignal(signal, async () => {
    const features = openFeatures(folder);
    const rows = await features.readRows();
    const names = await readClassNames(join(features.folder, FEATURE_FILES.classes));
    await requireDirections(features);
    const facts = factsOf(features, rows.labels !== undefined);
    const connection = await connectMilvus(to, PUSH_LIMITS);
    try {
      await openTarget(connection, features, facts, overwrite);
      const sent = await sendMissing(connection, features, rowMaker(rows, names), onProgress);
      await finish(connection, facts);
      return { url: connection.address.url, rows: facts.rows, sent };
    } finally {
      await connection.close();
    }
  });
}

/** Throws a UserError if a vector is zero or not finite: it has no cosine. */
async function requireDirections({ folder, shards, count, readShard }: Features): Promise<void> {
  if (count === 0) throw new UserError(`${folder} holds no rows.`, "Embed some images first.");
  let start = 0;
  for (const shard of shards.keys()) {
    const vectors = readShard(shard);
    for (let row = 0; row < vectors.count; row++) {
      const squares = rowOf(vectors, row).reduce((sum, value) => sum + value * value, 0);
      if (squares > 0 && Number.isFinite(squares)) continue;
      throw new UserError(
        `${folder}: row ${start + row} is ${squares === 0 ? "zero" : "not finite"}; it has no direction to search by.`,
        "Nothing was sent. Look at this image (rows.csv), remove it, and embed again.",
      );
    }
    start += vectors.count;
    await checkInterrupt();
  }
}

/** Finds or makes the collection. @throws UserError if it holds other features */
async function openTarget(
  connection: MilvusConnection,
  { folder }: Features,
  facts: CollectionFacts,
  overwrite: boolean,
): Promise<void> {
  const { url } = connection.address;
  let found = await readFacts(connection);
  if (found && found.identity !== facts.identity) {
    if (!overwrite)
      throw new UserError(
        `${url} holds ${found.rows} rows of other features than ${folder}, which has ${facts.rows}.`,
        `Name another collection, or replace this one: npx guie index push FOLDER --to ${url} --overwrite`,
      );
    await dropCollection(connection);
    found = undefined;
  }
  if (!found) await createCollection(connection, facts);
  await loadCollection(connection);
}

type MilvusRow = Record<string, number | string | number[]>;

/** Returns a function from a row's number and vector to what is sent. */
function rowMaker(
  { files, labels }: FeatureRows,
  names: ReadonlyMap<number, string>,
): (id: number, vector: Float32Array) => MilvusRow {
  return (id, vector) => {
    const label = labels?.[id];
    const row = {
      id,
      vector: Array.from(vector),
      file: files.at(id)!,
      label: label ?? -1,
      class: label === undefined ? "" : (names.get(label) ?? ""),
    };
    const long = [row.file, row.class].find((text) => Buffer.byteLength(text) > MOST_BYTES);
    if (long === undefined) return row;
    throw new UserError(
      `Row ${id}: a path or class name of ${Buffer.byteLength(long)} bytes; a collection takes ${MOST_BYTES}.`,
      "Shorten it, and embed again.",
    );
  };
}

/** Sends the rows that are not there. @returns their number */
async function sendMissing(
  connection: MilvusConnection,
  { shards, count: total, length, readShard }: Features,
  toRow: (id: number, vector: Float32Array) => MilvusRow,
  onProgress: OnProgress | undefined,
): Promise<number> {
  const before = await countRows(connection);
  if (before === total) return 0;
  const size = Math.max(1, Math.min(BATCH.rows, Math.floor(BATCH.bytes / (4 * length))));
  let [first, sent] = [0, 0];
  for (const shard of shards.keys()) {
    const vectors: Vectors = readShard(shard);
    for (let from = 0; from < vectors.count; from += size) {
      const to = Math.min(vectors.count, from + size);
      const ids = Array.from({ length: to - from }, (_, i) => first + from + i);
      const there = before === 0 ? new Set() : await presentRows(connection, ids);
      const missing = ids.filter((id) => !there.has(id));
      const rows = missing.map((id) => toRow(id, rowOf(vectors, id - first)));
      if (rows.length > 0) await sendRows(connection, rows);
      sent += rows.length;
      const done = first + to;
      onProgress?.({ stage: "push", done, total, unit: "rows", note: noteOf(done - sent) });
      await checkInterrupt();
    }
    first += vectors.count;
  }
  return sent;
}

const noteOf = (there: number) => (there === 0 ? undefined : `${there} were there`);

/** Sends rows. `upsert`, not `insert`: a batch that is sent twice, or half there, leaves each row once. */
async function sendRows({ address, call }: MilvusConnection, rows: MilvusRow[]): Promise<void> {
  await call("write rows", (client) => client.upsert({ collection_name: address.collection, data: rows }));
}

/** Writes the rows to the server's disk, and counts them. @throws UserError if some are missing */
async function finish(connection: MilvusConnection, { rows }: CollectionFacts): Promise<void> {
  const { address, call } = connection;
  await call("flush the collection", (client) =>
    client.flushSync({ collection_names: [address.collection] }),
  );
  const there = await countRows(connection);
  if (there === rows) return;
  throw new UserError(
    `${address.url}: ${rows} rows were sent, but the server counts ${there}.`,
    "Run the same command again: it sends what is missing.",
  );
}
