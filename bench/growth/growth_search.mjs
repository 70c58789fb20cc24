// A contestant of `npm run bench growth search`: 1,000 exact searches in a folder of features.
import { sliceRows } from "guie/dist/common/vectors.js";
import { openFeatures } from "guie/dist/features/feature_files.js";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours.js";
import { serve } from "../shared/contestant.mjs";

const [QUERIES, K] = [1000, 5];
const index = openFeatures(process.argv[2]).readAll();
const queries = sliceRows(index, 0, QUERIES);

await serve(async () => {
  await nearestNeighbours(queries, index, K);
});
