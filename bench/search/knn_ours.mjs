// Our side of `npm run bench knn`: the exact search.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours.js";
import { serve } from "../shared/contestant.mjs";

const { folder, shards, length, k, work } = JSON.parse(process.argv[2]);

function read(name) {
  const bytes = readFileSync(join(folder, name));
  const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return { data, count: data.length / length, length };
}

/** Opens the index: all rows in memory, or one file at a time. */
function openIndex() {
  const shardRows = read(shards[0]).count;
  const count = shardRows * shards.length;
  if (work === "disk") {
    const readShard = (shard) => read(shards[shard]);
    return { count, length, shards: shards.map(() => ({ count: shardRows })), readShard };
  }
  const data = new Float32Array(count * length);
  for (const [i, shard] of shards.entries()) data.set(read(shard).data, i * shardRows * length);
  return { data, count, length };
}

const queries = read("queries.f32");
const index = openIndex();
let found;
const flat = (type, lists) => Buffer.from(type.from(lists.flatMap((list) => [...list])).buffer);
await serve(
  async () => {
    found = await nearestNeighbours(queries, index, k);
  },
  () => {
    writeFileSync(join(folder, `found_ours_${k}.i32`), flat(Int32Array, found.positions));
    writeFileSync(join(folder, `found_ours_${k}.f32`), flat(Float32Array, found.cosines));
  },
);
