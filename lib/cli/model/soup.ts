// `guie soup`: averages several checkpoints into a new run.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { BACKBONE, requireRunModel } from "../../embedding/find_model";
import { makeSoup, type Soup } from "../../experiments/soup";
import { takeWise, type WiseLine, wiseLine } from "../../experiments/wise_ft";
import { comparisonTable } from "../../retrieval/comparison_table";
import { scoredOnText } from "../../runs/scored_on";
import type { ChoiceClasses } from "../../training/data/choice_classes";
import { type CommandResult, setAction } from "../shared/command";
import { numberOf, numbersOf } from "../shared/numbers";

/** Reason why a backbone cannot be an ingredient. */
const LACKS = "A soup averages the checkpoints of runs.";

interface SoupOptions {
  out?: string;
  greedy?: boolean;
  alpha?: string;
  take?: string;
  dataDir?: string[];
  overwrite?: boolean;
}

/** Registers `guie soup MODEL... --out NAME`: the mean of several models as a new run. */
export function registerSoup(program: Command): void {
  const command = program
    .command("soup")
    .argument(
      "<model...>",
      "two or more checkpoints: RUN, RUN/best, RUN/epoch_3; append :ema or :swa for averaged weights. With --alpha: " +
        "backbone and a fine-tuned RUN",
    )
    .description(
      "Average the weights of several runs' checkpoints into a new run, for evaluate, embed, export and " +
        "`guie train --init-from`. With --alpha: score the towers between the pretrained one and a run's (WiSE-FT).",
    )
    .option("--out <name>", "name of the new run in checkpoints/")
    .option(
      "--greedy",
      "keep only checkpoints that do not lower mP@5: on the training classes that the runs held out (holdOutShare), " +
        "else on those of retrieval/, which can then no longer serve to report the soup",
    )
    .option("--alpha <list>", "shares of the run's tower to score, from 0 to 1, such as 0,0.2,0.4,0.6,0.8,1")
    .option(
      "--data-dir <dir...>",
      "with --alpha: other data directories to score on: what has been forgotten?",
    )
    .option("--take <alpha>", "write the tower of this share, with the run's neck, as --out")
    .option("--overwrite", "replace an existing run of this name");
  setAction<SoupOptions>(command, (options, models) =>
    options.alpha !== undefined || options.take !== undefined || models[0] === BACKBONE
      ? line(options, models)
      : soup(options, models),
  );
}

async function soup(
  { out, greedy, overwrite, dataDir }: SoupOptions,
  checkpoints: readonly string[],
): Promise<CommandResult> {
  if (!out) throw new UserError("A soup needs a name: --out is missing.", "Add --out NAME.");
  if (dataDir) throw new UserError("--data-dir goes with --alpha.", "Leave it out, or add --alpha 0,0.5,1.");
  for (const model of checkpoints) requireRunModel(model, LACKS);
  const made = await makeSoup(checkpoints, out, { greedy, overwrite, onProgress: terminalProgress() });
  const isScored = made.ingredients.some(({ mp5 }) => mp5 !== undefined);
  const rows = made.ingredients.map(({ checkpoint, mp5, taken }) => [
    checkpoint,
    ...(isScored ? [mp5?.toFixed(3) ?? ""] : []),
    taken ? "yes" : "no",
  ]);
  const table = textTable(["checkpoint", ...(isScored ? ["mP@5"] : []), "in the soup"], rows);
  return { text: `${table}\n${made.folder}${scoreText(made)}`, summary: { ...made } };
}

/** Scores the towers between the backbone and a run, and writes one of them. */
async function line(options: SoupOptions, models: readonly string[]): Promise<CommandResult> {
  const [first, run] = models;
  if (first !== BACKBONE || !run || models.length > 2)
    throw new UserError(
      `Expected the backbone and one fine-tuned run, got ${models.join(" ")}.`,
      "For example: npx guie soup backbone demo_fine_tune --alpha 0,0.5,1",
    );
  requireRunModel(run, LACKS);
  if (options.greedy)
    throw new UserError("--greedy goes with runs alone.", "Leave it out, or leave backbone out.");
  if ((options.take === undefined) !== (options.out === undefined))
    throw new UserError("--take and --out belong together.", "For example: --take 0.4 --out my_run");
  if (options.alpha === undefined && options.take === undefined)
    throw new UserError(
      "Expected --alpha or --take with the backbone.",
      "For example: --alpha 0,0.2,0.4,0.6,0.8,1",
    );
  const scored =
    options.alpha === undefined
      ? undefined
      : await wiseLine(run, {
          alphas: numbersOf("--alpha", options.alpha),
          dataDirs: options.dataDir ?? [],
          onProgress: terminalProgress(),
        });
  const take = options.take === undefined ? undefined : numberOf("--take", options.take);
  const { overwrite } = options;
  const folder = take === undefined ? undefined : await takeWise(run, take, options.out!, { overwrite });
  return {
    text: [...(scored ? [wiseText(scored)] : []), ...(folder ? [folder] : [])].join("\n"),
    summary: { ...scored, folder },
  };
}

/** Returns a table per data directory, and a sentence on the whole run. */
function wiseText({ run, scores }: WiseLine): string {
  const tables = scores.map(({ dataDir, classes, rows }) => {
    const cells = comparisonTable(rows, { measures: ["mp5", "r1"] });
    const on = classes ? ` (the run's own data: ${CLASSES[classes]})` : "";
    return `${dataDir}${on}\n${textTable(Object.keys(cells[0]!), cells.map(Object.values))}`;
  });
  const note =
    `alpha 0: the pretrained tower with the neck of ${run}; alpha 1: ${run}. Differences are from the untrained backbone. ` +
    "[low, high]: 95 % interval by bootstrap over classes; *: it excludes zero.";
  return [...tables, note].join("\n\n");
}

const CLASSES: Record<ChoiceClasses, string> = {
  "training-classes": "training classes that it held out",
  "held-out-classes": "classes of retrieval/",
};

function scoreText({ mp5, chosenOn, on: scored }: Soup): string {
  if (mp5 === undefined || !chosenOn || !scored) return "";
  const on = {
    "training-classes": "on the training classes that the runs held out; those of retrieval/ were not used",
    "held-out-classes":
      "on the classes of retrieval/, which also chose it: too good to report. " +
      "Soups of runs with a holdOutShare are chosen on training classes",
  };
  return `, mP@5 ${mp5.toFixed(3)} ${on[chosenOn]}; ${scoredOnText(scored)}`;
}
