// `guie fit PHOTOS`: from photos to models and the answer which of them is worth it.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { shellQuoted } from "../../common/shell";
import { textTable } from "../../common/text_table";
import { type FitOptions, type FitReport, fit } from "../../photos/fit";
import { comparisonTable } from "../../retrieval/comparison_table";
import { type CommandResult, setAction } from "../shared/command";
import { shareOf, wholeNumberOf } from "../shared/numbers";
import { addSourceFlags, type SourceFlags, sourceSettings } from "../shared/source_flags";

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
    .argument("<photos>", "folder with a folder per class, or a table of images and classes")
    .description(
      "Fit models to your photos: read and resize them, hold out whole classes, climb the ladder from pixels to fine-tuning, " +
        "and say which rung is worth it. If it was killed, the same command goes on.",
    )
    .option("--name <name>", "name of data/<name> and of the models <name>_... (default: the folder's name)")
    .option("--preset <preset>", "backbone and recipe (default: small)")
    .option("--minutes <n>", "time limit: rungs that would take longer are left out (default: none)")
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
  return { text: reportText(photos!, report), summary: { ...report } };
}

function reportText(photos: string, { rungs, crossValidated, advice, leftOut, dataDir }: FitReport): string {
  const { model, text } = advice;
  const validated =
    crossValidated.length > 0
      ? ["", "Cross-validated: every class by a model that has not learned it", ladderTable(crossValidated)]
      : [];
  return [
    "Held-out classes",
    ladderTable(rungs),
    ...leftOut.map((rung) => `${rung.model} was left out: ${rung.reason}`),
    ...validated,
    "",
    text,
    `Search with it: npx guie serve ${shellQuoted(photos)} --model ${model}`,
    `Look at the scores again: npx guie compare --data-dir ${dataDir} ${rungs.map((rung) => rung.model).join(" ")}`,
  ].join("\n");
}

function ladderTable(rungs: FitReport["rungs"]): string {
  const cells = comparisonTable(rungs, { measures: ["mp5", "r1"] });
  const columns = [...new Set(cells.flatMap((row) => Object.keys(row)))];
  return textTable(
    columns,
    cells.map((row) => columns.map((column) => row[column as keyof typeof row] ?? "")),
  );
}
