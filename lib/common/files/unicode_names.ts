// Names are text: one name written in two forms of Unicode (é as one letter, or as e with an accent) is one name.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isRegularFile } from "./regular_file";

/** Whether a name may be written in more than one form: not where all of its letters are ASCII. */
export function hasForms(name: string): boolean {
  return /[^\0-\x7f]/.test(name);
}

/** What two forms of one name have in common. */
export function sameName(name: string): string {
  return name.normalize("NFC");
}

/**
 * A file by its path, in the form of Unicode that the disk has it in: Macs write NFD, tables mostly NFC.
 * @param file relative to `folder`, with forward slashes
 * @returns the path as it stands on the disk; undefined where there is no such file
 */
export function findFile(folder: string, file: string): string | undefined {
  if (isRegularFile(join(folder, file))) return file;
  if (!hasForms(file)) return undefined;
  let found = "";
  for (const name of file.split("/")) {
    const here = namesIn(join(folder, found)).find((other) => sameName(other) === sameName(name));
    if (here === undefined) return undefined;
    found = found === "" ? here : `${found}/${here}`;
  }
  return isRegularFile(join(folder, found)) ? found : undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // no folder
  }
}
