// Names in different forms of Unicode (é as one letter, or as e with an accent) are one name.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isRegularFile } from "./regular_file";

/** Tells whether a name can be written in more than one form: false if all its letters are ASCII. */
export function hasForms(name: string): boolean {
  return /[^\0-\x7f]/.test(name);
}

/** Returns the form in which equal names are equal texts (NFC). */
export function sameName(name: string): string {
  return name.normalize("NFC");
}

/**
 * Finds a file by its path in any form of Unicode: Macs write NFD, tables mostly NFC.
 * @param file relative to `folder`, with forward slashes
 * @returns the path in the disk's form; undefined if there is no such file
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
