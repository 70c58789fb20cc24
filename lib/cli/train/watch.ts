// `guie watch`: follows a run in the terminal.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { Interrupted } from "../../common/interrupt";
import { textTable } from "../../common/text_table";
import { baselineText } from "../../runs/baseline";
import { followRun, isLive, type RunView, viewRun } from "../../runs/follow";
import { evaluationTable, failureText, scoredOnLine, statusText } from "../../runs/run_status";
import { untrainedText } from "../../runs/untrained";
import { type CommandResult, setAction } from "../shared/command";

/** Pause between lines where the output is not a terminal (a log file). */
const LOG_PAUSE_MS = 10_000;

/** Registers `guie watch RUN`: a run while it trains. Ctrl-C ends the watching, not the run. */
export function registerWatch(program: Command): void {
  const command = program
    .command("watch <run>")
    .description(
      "Show the progress of a run (name in checkpoints/, or folder) until it ends. Ctrl-C does not stop the run.",
    )
    .option("--once", "print the current state, and end");
  setAction<{ once?: true }>(command, async ({ once }, [run]) => {
    const view = once ? viewRun(run!) : await follow(run!);
    const failure = failureText(view);
    if (failure && !once)
      throw new UserError(
        `The run ${failure}.`,
        `Fix the cause, then resume it: npx guie train --resume ${run}`,
      );
    return describe(view);
  });
}

/** Follows a run until it ends; Ctrl-C ends only the watching. */
async function follow(run: string): Promise<RunView> {
  try {
    return await followRun(run, liveLine());
  } catch (error) {
    if (error instanceof Interrupted)
      throw new Interrupted(`No longer watching; the run goes on: npx guie watch ${run}`);
    throw error;
  }
}

/** Writes the status to standard error: in place on a terminal, else a line from time to time. */
function liveLine(stream: NodeJS.WriteStream = process.stderr): (view: RunView) => void {
  let nextAtMs = 0;
  return (view) => {
    if (stream.isTTY) stream.write(`\r\x1b[2K${isLive(view) ? statusText(view) : ""}`);
    else if (isLive(view) && performance.now() >= nextAtMs) {
      stream.write(`${statusText(view)}\n`);
      nextAtMs = performance.now() + LOG_PAUSE_MS;
    }
  };
}

function describe(view: RunView): CommandResult {
  const { columns, rows } = evaluationTable(view);
  const cells = rows.map((row) => row.map((cell) => cell ?? ""));
  const table = rows.length > 0 ? `\n${textTable(columns, cells)}` : "";
  const { folder, state, steps, validations, retrievals, baseline } = view;
  const lines = [scoredOnLine(view), baselineText(baseline), untrainedText(retrievals.at(-1))].filter(
    (line) => line !== "",
  );
  const summary = {
    folder,
    state,
    step: steps.at(-1),
    validation: validations.at(-1),
    retrieval: retrievals.at(-1),
    baseline,
  };
  return { text: [statusText(view) + table, ...lines].join("\n"), summary };
}
