// The table of commands, and the program that commander makes of it.
import { Command } from "commander";
import { registerDuplicates } from "./data/duplicates";
import { registerGetData } from "./data/get_data";
import { registerMerge } from "./data/merge";
import { registerPreprocess } from "./data/preprocess";
import { registerEvaluate } from "./model/evaluate";
import { registerExport } from "./model/export";
import { registerPrepareModel } from "./model/prepare_model";
import { registerReduce } from "./model/reduce";
import { registerSoup } from "./model/soup";
import { commandName, nameCommand } from "./shared/exit_guard";
import { registerRuns } from "./train/runs";
import { registerScaling } from "./train/scaling";
import { registerTrain } from "./train/train";
import { registerSearch } from "./train/tune";
import { registerWatch } from "./train/watch";
import { registerEmbed } from "./use/embed";
import { registerServe } from "./use/serve";

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

/** Makes the command line. It ends by a CommanderError where it is used wrongly, and after help. */
export function makeProgram(): Command {
  const program = new Command("guie")
    .description(
      "Universal image embeddings: from raw data sets to a trained, evaluated model. The steps mirror the notebooks.",
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${usageMessage(text)}\n`) })
    .hook("preSubcommand", (_program, command) => nameCommand(command.name()));
  for (const register of REGISTRATIONS) register(program);
  return program;
}

/** "error: unknown option '--sed'\n(Did you mean --seed?)\n" -> "guie merge: unknown option '--sed'. Did you mean --seed?". */
function usageMessage(text: string): string {
  const [what = "", hint] = text.trim().split("\n");
  const words = what.replace(/^error: /, "").replace(/\.$/, "");
  const near = hint ? ` ${hint.replace(/^\(|\)$/g, "")}` : "";
  const name = commandName();
  return `${name}: ${words}.${near}\n  Next: npx ${name} --help`;
}
