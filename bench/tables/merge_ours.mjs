// Our side of `npm run bench merge`: merges the tables, or opens the result.
import { mergeTables } from "guie/dist/tables/merge_tables.js";
import { readTrainingTable } from "guie/dist/tables/training_table.js";
import { serve } from "../shared/contestant.mjs";

const { work, dataDir, datasets } = JSON.parse(process.argv[2]);
const iterate = {
  merge: () => mergeTables({ dataDir, datasets: datasets.map(([name, folder]) => ({ name, folder })) }),
  open: () => readTrainingTable(dataDir, { fold: 1 }),
};
await serve(iterate[work]);
