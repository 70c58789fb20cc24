import { Command } from "commander";
import { registerDuplicates } from "./duplicates";
import { registerEmbed } from "./embed";
import { registerEvaluate } from "./evaluate";
import { registerExport } from "./export";
import { registerGetData } from "./get_data";
import { registerMerge } from "./merge";
import { registerPrepareModel } from "./prepare_model";
import { registerPreprocess } from "./preprocess";
import { registerReduce } from "./reduce";
import { registerRuns } from "./runs";
import { registerScaling } from "./scaling";
import { registerSearch } from "./search";
import { registerServe } from "./serve";
import { registerSoup } from "./soup";
import { registerTrain } from "./train";
import { registerWatch } from "./watch";

/** The steps of the pipeline in their order, each registered by a file of its own. */
const REGISTRATIONS: ((program: Command) => void)[] = [
  registerGetData,
  registerPreprocess,
  registerMerge,
  registerDuplicates,
  registerPrepareModel,
  registerTrain,
  registerSearch,
  registerScaling,
  registerRuns,
  registerWatch,
  registerEmbed,
  registerEvaluate,
  registerReduce,
  registerExport,
  registerServe,
  registerSoup,
];

const program = new Command("guie").description(
  "Universal image embeddings: from raw data sets to a trained, evaluated model. The steps mirror the notebooks.",
);
for (const register of REGISTRATIONS) register(program);
program.parseAsync().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
