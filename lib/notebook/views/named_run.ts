// Names a run by name, folder or handle.
import { inspect } from "node:util";
import { UserError } from "../../common/errors";

/** A run as a cell has it: its name, its folder, or what startRun() gave. */
export type NamedRun = string | { folder: string };

/**
 * The name or folder of a run that was handed to a view.
 * @param call for the error, for example `watchRun`
 * @throws UserError for anything else, such as the undefined that a cell leaves which has failed
 */
export function nameOfRun(run: NamedRun, call: string): string {
  const name: unknown =
    typeof run === "string" ? run : (run as { folder: string } | undefined | null)?.folder;
  if (typeof name === "string" && name !== "") return name;
  throw new UserError(
    `${call} takes a run: its name, its folder, or what startRun() gave; it got ${inspect(run, { depth: 0 })}.`,
    `Run the cell that starts the run again and read its error; or name a run: ${call}("demo_frozen").`,
  );
}
