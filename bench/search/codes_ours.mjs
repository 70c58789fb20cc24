// Our side of `npm run bench codes` on disk: codes in memory, rows read one by one.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sliceRows } from "guie/dist/common/vectors.js";
import { openFeatures } from "guie/dist/features/feature_files.js";
import { openFeatureRows } from "guie/dist/features/row_reader.js";
import { codedIndex, codeRows } from "guie/dist/retrieval/coded/coded_index.js";
import { serve } from "../shared/contestant.mjs";

const { folder, bits, shortlist, k, length } = JSON.parse(process.argv[2]);
const bytes = readFileSync(join(folder, "queries.f32"));
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const queries = { data, count: data.length / length, length };
const features = openFeatures(folder);
const begun = performance.now();
const codes = await codeRows(features, bits);
const codingSeconds = (performance.now() - begun) / 1000;
const index = codedIndex(codes, openFeatureRows(features).read, { shortlist });
let cosines = [];
await serve(
  async () => {
    cosines = [];
    for (let query = 0; query < queries.count; query++)
      cosines.push((await index.search(sliceRows(queries, query, query + 1), k)).cosines[0]);
  },
  () => {
    writeFileSync(join(folder, "found.f32"), Float32Array.from(cosines.flatMap((list) => [...list])));
    return { codingSeconds };
  },
);
