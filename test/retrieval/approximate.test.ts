// Damaged graphs never reach USearch, which would end the process or silently return wrong neighbours; a graph that finds
// too little is searched farther.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ProgressReport } from "guie/dist/common/progress";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { buildApproximateIndex, openApproximateIndex, recallOf } from "guie/dist/retrieval/approximate";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { approximateSearcher, reachRecall } from "guie/dist/serving/searcher";
import { temporaryFolder } from "../folders";

function randomRows(count: number, seed: number, length = 8): Vectors {
  const random = randomStream(seed, "rows");
  return { data: Float32Array.from({ length: count * length }, () => random.normal()), count, length };
}

test("a file with a flipped bit or a cut is refused before USearch reads it", async (t) => {
  const path = join(temporaryFolder(t), "index.usearch");
  await (await buildApproximateIndex(randomRows(50, 1))).save(path);
  const whole = readFileSync(path);
  const refused = (message: RegExp) => assert.throws(() => openApproximateIndex(path, 8), message);
  for (let i = 0; i < 60; i++) {
    const bytes = Buffer.from(whole);
    bytes[Math.floor((i * whole.length) / 60)]! ^= 1 << (i % 8);
    writeFileSync(path, bytes);
    refused(/is damaged: it has other bytes\.\n {2}Next: Build it again/);
    writeFileSync(path, whole.subarray(0, Math.floor((i * whole.length) / 60)));
    refused(/is damaged: it has \d+ bytes instead of \d+/);
  }
  writeFileSync(path, whole);
  assert.equal(openApproximateIndex(path, 8).count, 50);
  writeFileSync(`${path}.json`, '{"bytes": "many"}');
  refused(/index\.usearch\.json does not fit: bytes: /);
  rmSync(`${path}.json`);
  refused(/Expected a JSON file at .*index\.usearch\.json: there is none/);
});

test("a service rebuilds a graph that is damaged, of other rows, or without its note", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "neighbours_0123456789abcdef.usearch");
  const start = async (count: number, identity = "0123456789abcdef".repeat(4)) => {
    const notes: string[] = [];
    const onProgress = ({ note }: ProgressReport) => void (note && notes.push(note));
    const features = { folder, identity };
    const rows = { vectors: randomRows(count, 2), features, whitening: undefined, methods: [] };
    const { index, kind } = await approximateSearcher(rows, { onProgress });
    assert.deepEqual([index.count, kind], [count, "approximate"]);
    return notes.join();
  };
  assert.equal(await start(40), "");
  assert.deepEqual(
    readdirSync(folder).sort(),
    [path, `${path}.json`].map((file) => file.slice(folder.length + 1)),
  );
  assert.equal(await start(40), "", "taken as it is");
  assert.match(await start(41), /rebuilt: .* holds 40 rows, the features are 41/);
  writeFileSync(path, readFileSync(path).subarray(0, 1000));
  assert.match(await start(41), /rebuilt: .* is damaged: it has 1000 bytes instead of/);
  copyFileSync(path, `${path}.whole`);
  rmSync(`${path}.json`); // as older versions left it
  assert.match(await start(41), /rebuilt: .*there is none/);
  assert.ok(existsSync(`${path}.json`));
  assert.equal(await start(41), "");
  assert.equal(await start(42, "f".repeat(64)), "");
  const graphs = readdirSync(folder).filter((name) => name.endsWith(".usearch"));
  assert.deepEqual(graphs, [`neighbours_${"f".repeat(16)}.usearch`], "the graph of other rows is deleted");
});

test("a graph that finds too little is searched farther, until its recall is 0.95", async () => {
  const vectors = randomRows(4000, 3, 64); // without any structure: the hardest rows for a graph
  const poor = { connectivity: 4, expansionAdd: 16, expansionSearch: 8 };
  const index = await buildApproximateIndex(vectors, poor);
  const queries = randomRows(100, 4, 64);
  const exact = await nearestNeighbours(queries, vectors, 5);
  const recalls: number[] = [];
  for (const reach of [0, 256, 4000]) {
    index.reach = reach;
    const found = await index.search(queries, 5);
    assert.ok(found.positions.every(({ length }) => length === 5));
    recalls.push(recallOf(found, exact));
  }
  assert.ok(recalls[0]! < recalls[1]! && recalls[1]! < recalls[2]!, recalls.join());
  index.reach = 0;
  const { recallAt5 } = await reachRecall(index, vectors);
  assert.ok(index.reach >= 256 && recallAt5 >= 0.95, `reach ${index.reach}: ${recallAt5}`);
  const good = await buildApproximateIndex(randomRows(500, 5));
  assert.equal((await reachRecall(good, randomRows(500, 5))).recallAt5, 1);
  assert.equal(good.reach, 0, "one that finds enough stays as it is");
});
