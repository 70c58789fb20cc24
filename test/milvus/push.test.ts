// Tests a push to a real Milvus Lite: killed half-way and gone on, counts to the row, neighbours against the exact search.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { sliceRows } from "guie/dist/common/vectors";
import { openFeatures } from "guie/dist/features/feature_files";
import { writeFeatures } from "guie/dist/features/feature_writer";
import { connectMilvus } from "guie/dist/milvus/connection";
import { pushFeatures } from "guie/dist/milvus/push";
import { countRows } from "guie/dist/milvus/schema";
import { openMilvusIndex } from "guie/dist/milvus/search";
import { recallOf } from "guie/dist/retrieval/approximate";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { temporaryFolder } from "../folders";
import { NO_SERVER, startMilvus } from "./servers";

const [ROWS, LENGTH] = [6000, 32];
const MADE_BY = { tower: "none", folder: "/photos" };

/** Writes features: rows around 60 centres, as classes have them. */
async function features(t: TestContext, rows = ROWS, seed = 1): Promise<string> {
  const random = randomStream(seed, "milvus");
  const centres = Array.from({ length: 60 * LENGTH }, () => random.uniform() - 0.5);
  const data = Float32Array.from({ length: rows * LENGTH }, (_, i) => {
    const centre = Math.floor(i / LENGTH) % 60;
    return centres[centre * LENGTH + (i % LENGTH)]! + 0.5 * (random.uniform() - 0.5);
  });
  const folder = join(temporaryFolder(t), "features");
  const files = Array.from({ length: rows }, (_, row) => `deep/image ${row}.jpg`);
  const labels = Array.from({ length: rows }, (_, row) => row % 60);
  const classNames = Array.from({ length: 60 }, (_, label) => `class "${label}" Ü`);
  const plan = {
    rows: { files, labels, classNames },
    madeBy: MADE_BY,
    replace: true,
    dtype: "float32" as const,
  };
  await writeFeatures(folder, plan, { data, count: rows, length: LENGTH });
  return folder;
}

/** Runs `guie index push` and kills it once it has said that some rows are sent. @returns those rows */
async function pushAndKill(folder: string, url: string): Promise<number> {
  const script = `
    const { pushFeatures } = require("guie/dist/milvus/push");
    pushFeatures(${JSON.stringify(folder)}, ${JSON.stringify(url)}, { onProgress: ({ done }) => console.log(done) });`;
  const child = spawn(process.execPath, ["-e", script], {
    cwd: installPath("."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const chunk of child.stdout) {
    const done = Number(String(chunk).trim().split("\n").at(-1));
    if (done >= 2000) {
      child.kill("SIGKILL");
      await once(child, "exit");
      return done;
    }
  }
  throw new Error("the push has ended before it was killed");
}

test("a push that is killed goes on: nothing is sent twice, nothing is missing, neighbours are ours", {
  skip: NO_SERVER,
}, async (t) => {
  const [folder, server] = [await features(t), await startMilvus(t)];
  const url = `${server}/photos`;
  const killedAt = await pushAndKill(folder, url);
  const model = { ...openFeatures(folder).madeBy };
  await assert.rejects(openMilvusIndex(url, model, "none"), /holds \d+ of 6000 rows: its push has not ended/);

  const report = await pushFeatures(folder, url);
  assert.ok(report.sent <= ROWS - killedAt, `${report.sent} rows were sent again after ${killedAt}`);
  assert.deepEqual(await pushFeatures(folder, url), { url, rows: ROWS, sent: 0 });
  const connection = await connectMilvus(url);
  t.after(() => connection.close());
  assert.equal(await countRows(connection), ROWS);

  const index = await openMilvusIndex(url, model, "none");
  t.after(() => index.close());
  const vectors = openFeatures(folder).readAll();
  const queries: Vectors = sliceRows(vectors, 0, 200);
  const exact = await nearestNeighbours(queries, vectors, 5);
  const recall = recallOf(await index.search(queries, 5), exact);
  t.diagnostic(`recall@5 ${recall.toFixed(3)} of ${ROWS} rows in Milvus Lite against the exact search`);
  assert.ok(recall >= 0.95, `recall@5 ${recall}`);
  const [row] = await index.rowsAt([4321]);
  const path = "/photos/deep/image 4321.jpg";
  assert.deepEqual(row, { file: "deep/image 4321.jpg", path, label: 1, name: 'class "1" Ü' });
  assert.deepEqual(await index.vectorAt(7), vectors.data.slice(7 * LENGTH, 8 * LENGTH));
  const [one] = (await index.search(sliceRows(vectors, 9, 10), 3)).positions; // one query: another form of answer
  assert.equal(one![0], 9);
  await assert.rejects(
    index.search({ data: new Float32Array(3), count: 1, length: 3 }, 1),
    /3 numbers per row/,
  );
});

test("a collection of other features, another model or another maker is refused, and replaced only when asked", {
  skip: NO_SERVER,
}, async (t) => {
  const server = await startMilvus(t);
  const url = `${server}/photos`;
  const [first, second] = [await features(t, 50), await features(t, 60, 2)];
  await pushFeatures(first, url);
  await assert.rejects(
    pushFeatures(second, url),
    /holds 50 rows of other features .*60\.\n {2}Next: .*--overwrite/,
  );
  await assert.rejects(
    openMilvusIndex(url, { tower: "other" }, "other"),
    /vectors by none: they cannot be compared/,
  );
  await assert.rejects(
    openMilvusIndex(`${server}/none`, {}, "none"),
    /no such collection.*\n.*guie index push FOLDER/,
  );
  assert.equal((await pushFeatures(second, url, { overwrite: true })).sent, 60);

  const { DataType } = await import("@zilliz/milvus2-sdk-node");
  const connection = await connectMilvus(`${server}/theirs`);
  t.after(() => connection.close());
  await connection.call("make", (client) =>
    client.createCollection({
      collection_name: "theirs",
      fields: [
        { name: "id", data_type: DataType.Int64, is_primary_key: true },
        { name: "v", data_type: DataType.FloatVector, dim: 4 },
      ],
    }),
  );
  const push = pushFeatures(second, `${server}/theirs`, { overwrite: true });
  await assert.rejects(push, /was not made by guie index push/);
});

test("vectors without a direction are refused before anything is sent", async (t) => {
  const folder = join(temporaryFolder(t), "features");
  const files = ["a.jpg", "b.jpg", "c.jpg"];
  const vectors = { data: Float32Array.of(1, 0, 0, 0, 0, 1), count: 3, length: 2 };
  await writeFeatures(folder, { rows: { files }, madeBy: MADE_BY, replace: true }, vectors);
  const nowhere = "milvus://127.0.0.1:1/photos"; // no server is asked
  await assert.rejects(pushFeatures(folder, nowhere), /row 1 is zero; it has no direction/);
  assert.ok(readFileSync(join(folder, "features.json")).length > 0);
});
