// Asks the reader of a cell a question.
import { UserError } from "../../common/errors";

/** Key of the asking function; scripts/kernel/stdin.js sets it while a cell runs if its front end accepts questions. */
const INPUT = Symbol.for("guie.input");

type Ask = (question: string, secret: boolean) => Promise<string>;

/**
 * Asks the reader of the notebook: `const name = await guie.input("Name: ")`. Interrupt cancels the question.
 * @param options.secret - hides the typed letters
 * @throws UserError if nobody can answer: a headless run, a script
 * @example
 * const name = input("Which run? ");
 */
export function input(question = "", { secret = false }: { secret?: boolean } = {}): Promise<string> {
  const ask = (globalThis as { [INPUT]?: Ask })[INPUT];
  if (!ask)
    throw new UserError(
      `nobody can be asked "${question}": no notebook that takes input runs this`,
      "set the value in the parameters cell",
    );
  return ask(question, secret);
}
