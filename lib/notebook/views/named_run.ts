// The ways to name a run in a view: name, folder or handle.
import { inspect } from "node:util";
import { UserError } from "../../common/errors";

/** A run's name, its folder, or the result of startRun(). */
export type NamedRun = string | { folder: string };

/**
 * Returns the name or folder of a run that was given to a view.
 * @param call the view's name for the error, for example `watchRun`
 * @throws UserError for anything else, such as the undefined of a failed cell
 */
export function nameOfRun(run: NamedRun, call: string): string {
  const name: unknown =
    typeof run === "string" ? run : (run as { folder: string } | undefined | null)?.folder;
  if (typeof name === "string" && name !== "") return name;
  throw new UserError(
    `${call} takes a run: its name, its folder, or the result of startRun(); it got ${inspect(run, { depth: 0 })}.`,
    `Run the cell that starts the run again and read its error; or name a run: ${call}("demo_frozen").`,
  );
}
