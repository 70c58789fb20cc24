// `guie index`: a folder of features as an index that lives. Every subcommand is registered by a function of its own.
import type { Command } from "commander";
import { openFeatures } from "../../features/feature_files";
import { type CommandResult, setAction } from "../shared/command";
import { setCommandName } from "../shared/exit_guard";

/** Registers `guie index info`. */
export function registerIndex(program: Command): void {
  const index = program
    .command("index")
    .description("Look at an index: the folder of features that guie embed --out has written.")
    .hook("preSubcommand", (_index, command) => setCommandName(`index ${command.name()}`));
  for (const addSubcommand of [addInfo]) addSubcommand(index);
}

function addInfo(index: Command): void {
  const command = index
    .command("info")
    .argument("<folder>", "the index")
    .description("Print what an index holds, and the model that made it.");
  setAction(command, (_options, [folder]) => info(folder!));
}

async function info(folder: string): Promise<CommandResult> {
  const features = openFeatures(folder);
  const { count, length, dtype, madeBy } = features;
  const model = madeBy.transform ?? madeBy.run ?? madeBy.tower ?? null;
  return {
    text: `${features.folder}: ${count.toLocaleString("en-US")} rows of ${length} numbers, ${dtype}, by ${model ?? "an unknown model"}`,
    summary: { folder: features.folder, rows: count, length, dtype, model },
  };
}
