// `guie soup`: averages several checkpoints into a new run.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { requireRunModel } from "../../embedding/find_model";
import { makeSoup, type Soup } from "../../experiments/soup";
import { scoredOnText } from "../../runs/scored_on";
import { runs } from "../shared/command";

/** Why a backbone is no ingredient. */
const LACKS = "A soup averages the checkpoints of runs.";

interface SoupOptions {
  out: string;
  greedy?: boolean;
  overwrite?: boolean;
}

/** `guie soup MODEL... --out NAME`: the mean of several models as one. */
export function registerSoup(program: Command): void {
  const command = program
    .command("soup")
    .argument(
      "<model...>",
      "two runs or more: RUN, RUN/best, RUN/epoch_3; :ema or :swa behind it for an average",
    )
    .description(
      "Average the weights of several runs' checkpoints into a run of its own, which evaluate, embed, export and " +
        "`guie train --init-from` take.",
    )
    .requiredOption("--out <name>", "name of the new folder below checkpoints/")
    .option(
      "--greedy",
      "keep only those with which mP@5 does not fall: on the training classes that the runs held out (holdOutShare), " +
        "else on those of retrieval/, by which the soup can then no longer be reported",
    )
    .option("--overwrite", "replace an existing run of this name");
  runs<SoupOptions>(command, async ({ out, greedy, overwrite }, checkpoints) => {
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
    "training-classes":
      "on the training classes that the runs held out: those of retrieval/ were not looked at",
    "held-out-classes":
      "on the classes of retrieval/, by which it was chosen: too good to report. " +
      "Soups of runs with a holdOutShare are chosen on training classes",
  };
  return `, mP@5 ${mp5.toFixed(3)} ${on[chosenOn]}; ${scoredOnText(scored)}`;
}
