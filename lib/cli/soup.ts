import type { Command } from "commander";
import { terminalProgress } from "../common/progress";
import { makeSoup } from "../training/soup";
import { runs } from "./command";
import { textTable } from "./text_table";

interface SoupOptions {
  out: string;
  greedy?: boolean;
  overwrite?: boolean;
}

/** `guie soup A B C --out NAME`: the mean of several models as one. */
export function registerSoup(program: Command): void {
  const command = program
    .command("soup <checkpoints...>")
    .description(
      "Average the weights of several runs' checkpoints (RUN, RUN/best, RUN/epoch_3; :ema or :swa behind it) into a " +
        "run of its own, which evaluate, embed, export and train --init-from take.",
    )
    .requiredOption("--out <name>", "name of the new folder below checkpoints/")
    .option("--greedy", "keep only those with which mP@5 on held-out classes does not fall")
    .option("--overwrite", "delete an existing run of this name first");
  runs<SoupOptions>(command, async ({ out, greedy, overwrite }, checkpoints) => {
    const soup = await makeSoup(checkpoints, out, { greedy, overwrite }, terminalProgress());
    const rows = soup.ingredients.map(({ checkpoint, mp5, taken }) => [
      ...[checkpoint, mp5?.toFixed(3) ?? "", taken ? "yes" : "no"],
    ]);
    const table = textTable(["checkpoint", "mP@5", "in the soup"], rows);
    const score = soup.mp5 === undefined ? "" : `, mP@5 ${soup.mp5.toFixed(3)}`;
    return { text: `${table}\n${soup.folder}${score}`, summary: { ...soup } };
  });
}
