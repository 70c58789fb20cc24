// The table of commands, and the program that commander makes of it.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { installPath } from "../common/project";
import { commandName, setCommandName } from "./shared/exit_guard";

/** Adds a command to the program. */
type Register = (program: Command) => void;

/**
 * Groups of the help, with their commands in the order of the pipeline; each file registers one. A file is loaded when
 * its command is needed: all of them together take a second, most of it TensorFlow.
 */
const GROUPS: Readonly<Record<string, Readonly<Record<string, () => Promise<Register>>>>> = {
  "Data:": {
    "get-data": async () => (await import("./data/get_data.js")).registerGetData,
    preprocess: async () => (await import("./data/preprocess.js")).registerPreprocess,
    merge: async () => (await import("./data/merge.js")).registerMerge,
    pack: async () => (await import("./data/pack.js")).registerPack,
    duplicates: async () => (await import("./data/duplicates.js")).registerDuplicates,
    inspect: async () => (await import("./data/inspect.js")).registerInspect,
  },
  "Model:": {
    "prepare-model": async () => (await import("./model/prepare_model.js")).registerPrepareModel,
    evaluate: async () => (await import("./model/evaluate.js")).registerEvaluate,
    compare: async () => (await import("./model/compare.js")).registerCompare,
    reduce: async () => (await import("./model/reduce.js")).registerReduce,
    whiten: async () => (await import("./model/whiten.js")).registerWhiten,
    export: async () => (await import("./model/export.js")).registerExport,
    soup: async () => (await import("./model/soup.js")).registerSoup,
  },
  "Train:": {
    fit: async () => (await import("./train/fit.js")).registerFit,
    train: async () => (await import("./train/train.js")).registerTrain,
    tune: async () => (await import("./train/tune.js")).registerTune,
    search: async () => (await import("./train/tune.js")).registerSearch,
    runs: async () => (await import("./train/runs.js")).registerRuns,
    watch: async () => (await import("./train/watch.js")).registerWatch,
    rm: async () => (await import("./train/rm.js")).registerRm,
    scaling: async () => (await import("./train/scaling.js")).registerScaling,
  },
  "Use:": {
    serve: async () => (await import("./use/serve.js")).registerServe,
    find: async () => (await import("./use/find.js")).registerFind,
    embed: async () => (await import("./use/embed.js")).registerEmbed,
    index: async () => (await import("./use/index.js")).registerIndex,
  },
};

/**
 * Makes the command line. Parsing throws a CommanderError on wrong usage, and after help.
 * @param words those that will be parsed: if the first names a command, only that one is loaded
 */
export async function makeProgram([word = ""]: readonly string[] = []): Promise<Command> {
  const program = new Command("guie")
    .description(
      "Universal image embeddings: from raw data sets to a trained, evaluated model. The steps mirror the notebooks.",
    )
    .version(versionText(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${usageMessage(text)}\n`) })
    .hook("preSubcommand", (_program, command) => setCommandName(command.name()));
  const isCommand = Object.values(GROUPS).some((commands) => Object.hasOwn(commands, word));
  const isKnown = isCommand || ["-V", "--version"].includes(word);
  if (isCommand) setCommandName(word); // what fails while its modules are loaded is said in its name, too
  for (const [heading, commands] of Object.entries(GROUPS)) {
    program.commandsGroup(heading);
    for (const [name, load] of Object.entries(commands))
      if (!isKnown || name === word) (await load())(program);
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
