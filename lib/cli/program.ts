// The table of commands, and the program that commander makes of it.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { installPath } from "../common/project";
import { registerDuplicates } from "./data/duplicates";
import { registerGetData } from "./data/get_data";
import { registerInspect } from "./data/inspect";
import { registerMerge } from "./data/merge";
import { registerPack } from "./data/pack";
import { registerPreprocess } from "./data/preprocess";
import { registerCompare } from "./model/compare";
import { registerEvaluate } from "./model/evaluate";
import { registerExport } from "./model/export";
import { registerPrepareModel } from "./model/prepare_model";
import { registerReduce } from "./model/reduce";
import { registerSoup } from "./model/soup";
import { registerWhiten } from "./model/whiten";
import { commandName, setCommandName } from "./shared/exit_guard";
import { registerFit } from "./train/fit";
import { registerRm } from "./train/rm";
import { registerRuns } from "./train/runs";
import { registerScaling } from "./train/scaling";
import { registerTrain } from "./train/train";
import { registerSearch, registerTune } from "./train/tune";
import { registerWatch } from "./train/watch";
import { registerEmbed } from "./use/embed";
import { registerFind } from "./use/find";
import { registerIndex } from "./use/index";
import { registerServe } from "./use/serve";

/** Groups of the help, with their commands in the order of the pipeline; each file registers one. */
const GROUPS: Readonly<Record<string, readonly ((program: Command) => void)[]>> = {
  "Data:": [
    registerGetData,
    registerPreprocess,
    registerMerge,
    registerPack,
    registerDuplicates,
    registerInspect,
  ],
  "Model:": [
    registerPrepareModel,
    registerEvaluate,
    registerCompare,
    registerReduce,
    registerWhiten,
    registerExport,
    registerSoup,
  ],
  "Train:": [
    registerFit,
    registerTrain,
    registerTune,
    registerSearch,
    registerRuns,
    registerWatch,
    registerRm,
    registerScaling,
  ],
  "Use:": [registerServe, registerFind, registerEmbed, registerIndex],
};

/** Makes the command line. Parsing throws a CommanderError on wrong usage, and after help. */
export function makeProgram(): Command {
  const program = new Command("guie")
    .description(
      "Universal image embeddings: from raw data sets to a trained, evaluated model. The steps mirror the notebooks.",
    )
    .version(versionText(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${usageMessage(text)}\n`) })
    .hook("preSubcommand", (_program, command) => setCommandName(command.name()));
  for (const [heading, registrations] of Object.entries(GROUPS)) {
    program.commandsGroup(heading);
    for (const register of registrations) register(program);
  }
  return program;
}

/** Returns "0.1.0", the version in package.json. */
function versionText(): string {
  return (JSON.parse(readFileSync(installPath("package.json"), "utf8")) as { version: string }).version;
}

/** Turns "error: unknown option '--sed'\n(Did you mean --seed?)\n" into "guie merge: unknown option '--sed'. Did you mean --seed?". */
function usageMessage(text: string): string {
  const [what = "", hint] = text.trim().split("\n");
  const words = what.replace(/^error: /, "").replace(/\.$/, "");
  const near = hint ? ` ${hint.replace(/^\(|\)$/g, "")}` : "";
  const name = commandName();
  return `${name}: ${words}.${near}\n  Next: npx ${name} --help`;
}
