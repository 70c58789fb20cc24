// `guie soup`: averages several checkpoints into a new run.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { requireRunModel } from "../../embedding/find_model";
import { makeSoup, type Soup } from "../../experiments/soup";
import { scoredOnText } from "../../runs/scored_on";
import { setAction } from "../shared/command";

/** Reason why a backbone cannot be an ingredient. */
const LACKS = "A soup averages the checkpoints of runs.";

interface SoupOptions {
  out: string;
  greedy?: boolean;
  overwrite?: boolean;
}

/** Registers `guie soup MODEL... --out NAME`: the mean of several models as a new run. */
export function registerSoup(program: Command): void {
  const command = program
    .command("soup")
    .argument(
      "<model...>",
      "two or more checkpoints: RUN, RUN/best, RUN/epoch_3; append :ema or :swa for averaged weights",
    )
    .description(
      "Average the weights of several runs' checkpoints into a new run, for evaluate, embed, export and " +
        "`guie train --init-from`.",
    )
    .requiredOption("--out <name>", "name of the new run in checkpoints/")
    .option(
      "--greedy",
      "keep only checkpoints that do not lower mP@5: on the training classes that the runs held out (holdOutShare), " +
        "else on those of retrieval/, which can then no longer serve to report the soup",
    )
    .option("--overwrite", "replace an existing run of this name");
  setAction<SoupOptions>(command, async ({ out, greedy, overwrite }, checkpoints) => {
    for (const model of checkpoints) requireRunModel(model, LACKS);
    const soup = await makeSoup(checkpoints, out, { greedy, overwrite, onProgress: terminalProgress() });
    const isScored = soup.ingredients.some(({ mp5 }) => mp5 !== undefined);
    const rows = soup.ingredients.map(({ checkpoint, mp5, taken }) => [
      checkpoint,
      ...(isScored ? [mp5?.toFixed(3) ?? ""] : []),
      taken ? "yes" : "no",
    ]);
    const table = textTable(["checkpoint", ...(isScored ? ["mP@5"] : []), "in the soup"], rows);
    return { text: `${table}\n${soup.folder}${scoreText(soup)}`, summary: { ...soup } };
  });
}

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
