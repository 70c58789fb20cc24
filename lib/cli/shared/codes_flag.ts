// The flag --code-bits of commands that search: codes of the rows in memory, the rows themselves on disk.
import { type Command, Option } from "commander";
import { CODE_BITS, type CodeBits } from "../../retrieval/coded/levels";

/** The flag of a command that searches an index. */
export interface CodesFlag {
  codeBits?: string;
}

/** Adds `--code-bits` to a command. */
export function addCodesFlag(command: Command): void {
  command.addOption(
    new Option(
      "--code-bits <n>",
      "search codes of so many bits a number in memory, and read only the best rows from disk: for folders of features larger than memory",
    ).choices(CODE_BITS.map(String)),
  );
}

/** Returns the number of bits that `--code-bits` names; undefined if the flag is absent. */
export function codeBitsOf({ codeBits }: CodesFlag): CodeBits | undefined {
  return CODE_BITS.find((bits) => String(bits) === codeBits);
}
