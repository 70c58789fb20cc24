// `guie rm`: deletes runs.
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { bytesText } from "../../common/files/disk_use";
import { planRemoval, type Removal, removeRuns } from "../../experiments/remove_runs";
import { setAction } from "../shared/command";

/** Registers `guie rm RUN...`: deletes runs, sweeps and models without training; never data. */
export function registerRm(program: Command): void {
  const command = program
    .command("rm")
    .argument("<run...>", "names below checkpoints/: runs, sweeps, whitened or LDA models")
    .description(
      "Delete runs with all their checkpoints, and say the bytes freed. Data, features and pretrained weights stay.",
    )
    .option("--yes", "delete without asking");
  setAction<{ yes?: true }>(command, async ({ yes }, names) => {
    const removals = planRemoval(names);
    if (!yes && !(await isAgreed(removals))) return { text: "nothing was deleted", summary: { removed: [] } };
    const bytes = removeRuns(removals);
    const removed = removals.map(({ name, what, bytes, note }) => ({ name, what, bytes, note }));
    return {
      text: [...lines(removals), `${bytesText(bytes)} freed`].join("\n"),
      summary: { removed, bytes },
    };
  });
}

function lines(removals: readonly Removal[]): string[] {
  return removals.map(
    ({ name, what, bytes, note }) => `${name} (${what}, ${bytesText(bytes)})${note ? `; ${note}` : ""}`,
  );
}

/** Asks on the terminal. @throws UserError if there is none */
async function isAgreed(removals: readonly Removal[]): Promise<boolean> {
  const list = lines(removals).join("\n");
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UserError(`This would delete:\n${list}`, "Add --yes to delete it.");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${list}\nDelete? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
