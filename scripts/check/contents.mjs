// The content of files and folders, for checks that compare the outputs of two commands.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

/**
 * Returns the hash of every file below the outputs, by path.
 * @param outputs files and folders; those that do not exist are left out
 * @param same pattern of file names -> the part of their text that counts, or "differs"
 */
export function contents(outputs, same = {}) {
  const hashes = {};
  for (const output of outputs) {
    if (!existsSync(output)) continue;
    const isFolder = statSync(output).isDirectory();
    const names = isFolder ? readdirSync(output, { recursive: true, withFileTypes: true }) : [];
    const files = isFolder
      ? names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
      : [output];
    for (const file of files.sort()) {
      const name = basename(file);
      const rule = Object.entries(same).find(([pattern]) => new RegExp(pattern).test(name))?.[1];
      if (rule === "differs") continue;
      const bytes = readFileSync(file);
      const text = rule ? rule(bytes.toString("utf8")) : bytes;
      hashes[relative(dirname(output), file)] = createHash("sha256").update(text).digest("hex");
    }
  }
  return hashes;
}
