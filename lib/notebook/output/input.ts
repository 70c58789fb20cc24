// Asks the reader of a cell a question.
import { UserError } from "../../common/errors";

/** Set by scripts/kernel/stdin.js while a cell runs whose sender takes questions. */
const INPUT = Symbol.for("guie.input");

type Ask = (question: string, secret: boolean) => Promise<string>;

/**
 * Asks the reader of the notebook: `const name = await guie.input("Name: ")`. Interrupt ends the waiting.
 * @param options.secret - dots in place of the letters
 * @throws UserError where nobody can answer: a headless run, a script
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
