// The documentation of the settings, out of the comments above their rows.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

let docs: ReadonlyMap<string, string> | undefined;

/** Returns one line of Markdown per setting, by name: the comment above its row, which the compiler keeps. */
export function settingDocs(): ReadonlyMap<string, string> {
  docs ??= new Map(
    readdirSync(__dirname)
      .filter((file) => file.endsWith(".js"))
      .flatMap((file) => docsIn(readFileSync(join(__dirname, file), "utf8"))),
  );
  return docs;
}

const ROW = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(\w+): \(0, \w+\.setting\)\(/g;

function docsIn(script: string): [name: string, doc: string][] {
  return Array.from(script.matchAll(ROW), ([, comment, name]) => [
    name!,
    comment!.replaceAll(/\s*\n\s*\*?\s*/g, " ").trim(),
  ]);
}
