// `guie fit PHOTOS`: from photos to models and the answer which of them is worth it.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { type FitOptions, fit } from "../../photos/fit";
import { type CommandResult, setAction } from "../shared/command";
import { shareOf, wholeNumberOf } from "../shared/numbers";
import { addSourceFlags, type SourceFlags, sourceSettings } from "../shared/source_flags";
import { fitText } from "./fit_text";

interface FitCommandOptions extends SourceFlags {
  name?: string;
  preset?: string;
  minutes?: string;
  holdOut: string;
  seed: string;
  dataset?: string;
  overwrite?: boolean;
}

/** Registers `guie fit PHOTOS`. */
export function registerFit(program: Command): void {
  const command = program
    .command("fit")
    .argument(
      "<photos>",
      "folder with a folder per class, an archive of one, or a table of images and classes",
    )
    .description(
      "Fit models to your photos: read and resize them, hold out whole classes, climb the ladder from pixels to fine-tuning, " +
        "and say which rung is worth it. If it was killed, the same command goes on.",
    )
    .option("--name <name>", "name of data/<name> and of the models <name>_... (default: the folder's name)")
    .option("--preset <preset>", "backbone and recipe (default: small)")
    .option("--minutes <n>", "time limit: what would take longer is left out (default: none)")
    .option("--hold-out <share>", "share of the classes to hold out and score by", "0.3333")
    .option("--seed <n>", "random seed", "999")
    .option(
      "--dataset <name>",
      "one of the fourteen data sets whose layout the photos have (default: their own)",
    )
    .option("--overwrite", "train models of this name anew that were made of other photos or settings");
  addSourceFlags(command);
  setAction<FitCommandOptions>(command, fitPhotos);
}

async function fitPhotos(
  { seed, minutes, holdOut, name, preset, dataset, overwrite, ...flags }: FitCommandOptions,
  [photos]: readonly string[],
): Promise<CommandResult> {
  const settings: FitOptions = {
    ...sourceSettings(flags),
    name,
    preset,
    dataset,
    overwrite,
    seed: wholeNumberOf("--seed", seed),
    minutes: minutes === undefined ? undefined : wholeNumberOf("--minutes", minutes, 1),
    holdOut: shareOf("--hold-out", holdOut),
    onProgress: terminalProgress(),
    say: (line) => process.stderr.write(`${line}\n`),
  };
  const report = await fit(photos!, settings);
  return { text: fitText(photos!, report), summary: { ...report } };
}
