import { Command } from "commander";
import { registerDuplicates } from "./duplicates";
import { registerEmbed } from "./embed";
import { registerEvaluate } from "./evaluate";
import { registerExport } from "./export";
import { registerGetData } from "./get_data";
import { commandName, nameCommand } from "./guard";
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
