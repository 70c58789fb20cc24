// Ways to search the same vectors, also by several views of each query.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rowOf, stackRows } from "guie/dist/common/vectors";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { heldOutFiles, modelVectors } from "guie/dist/experiments/ladder";
import { compareRerankings, rerankOnHeldOut, rerankTable } from "guie/dist/experiments/rerank";
import type { Views } from "guie/dist/images/loading/views";
import { makeTinyRun } from "../serving/tiny_service";

/** A row at an angle, in degrees: its cosine with another is that of the angle between them. */
const at = (degrees: number) =>
  Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));

test("each way is tried with each kind of queries; gains are from the plain search of whole queries", async () => {
  const index = stackRows([0, 1, 90, 91].map(at), 2);
  // whole queries find one class of the two, those of views both
  const queries = new Map<Views, ReturnType<typeof stackRows>>([
    ["whole", stackRows([at(0), at(10)], 2)],
    ["mirror", stackRows([at(0), at(89)], 2)],
  ]);
  const labels = { queries: [0, 1], index: [0, 0, 1, 1] };
  const rows = await compareRerankings({ queries, index }, labels, {
    ways: [["qe"]],
    codeBits: [8],
    resamples: 50,
  });
  assert.deepEqual(
    rows.map(({ methods, views, scores }) => [methods.join(), views, scores.mp5.mean]),
    [
      ["", "whole", 0.5],
      ["", "mirror", 1],
      ["qe", "whole", 0.5],
      ["qe", "mirror", 1],
      ["", "whole", 0.5],
      ["", "mirror", 1],
    ],
  );
  const table = rerankTable(rows);
  assert.deepEqual(
    table.map(({ search, views, passes }) => [search, views, passes]),
    [
      ["plain", "whole", 1],
      ["plain", "mirror", 2],
      ["qe", "whole", 1],
      ["qe", "mirror", 2],
      ["codes, 8 bits a number", "whole", 1],
      ["codes, 8 bits a number", "mirror", 2],
    ],
  );
  const one = await compareRerankings(
    { queries: new Map([["whole", queries.get("whole")!]]), index },
    labels,
    {
      ways: [],
      resamples: 50,
    },
  );
  assert.ok(!("views" in rerankTable(one)[0]!), "a table of whole queries has no such column");
});

test("views of the held-out queries are those of guie embed --views; the index's rows stay as they are", async (t) => {
  const { run, dataDir } = await makeTinyRun(t);
  const embedder = loadEmbedder(run);
  t.after(() => embedder.dispose());
  const config = { ...embedder.config, dataDir } as Parameters<typeof modelVectors>[0];
  const files = await heldOutFiles(dataDir);
  const [whole, viewed] = [
    await modelVectors(config, run, files),
    await modelVectors(config, run, files, { views: "crops" }),
  ];
  assert.deepEqual(viewed.index.data, whole.index.data);
  const total = files.queries.files.length;
  const embed = await embedder.embedShards(dataDir, { views: "crops", stage: "queries", total });
  const { vectors } = await embed(Array.from(files.queries.files), 0);
  assert.deepEqual(viewed.queries.data, vectors.data);
  assert.notDeepEqual(rowOf(viewed.queries, 0), rowOf(whole.queries, 0));
  assert.deepEqual((await modelVectors(config, run, files)).queries.data, whole.queries.data, "kept apart");

  const rows = await rerankOnHeldOut(config, run, { ways: [], views: ["crops"], resamples: 20 });
  assert.deepEqual(
    rows.map(({ views }) => views),
    ["whole", "crops"],
  );
  await assert.rejects(modelVectors(config, "pixels", files, { views: "crops" }), /Pixels have no views/);
});
