// Keeps the generated tables of a page in docs/ equal to the code.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const docs = join(dirname(fileURLToPath(import.meta.url)), "../../docs");

/** Returns a Markdown table. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/**
 * Compares the end of docs/PAGE.md, after its mark, with `tables`; with --write replaces it. Sets the exit code if they
 * differ. The script that calls this is named after the page.
 */
export function checkTables(place, tables) {
  const path = join(docs, `${place}.md`);
  const script = `scripts/check/${basename(place)}.mjs`;
  const mark = `<!-- From here on made by \`node ${script} --write\` -->`;
  const page = readFileSync(path, "utf8");
  if (!page.includes(mark)) throw new Error(`docs/${place}.md lacks the line ${mark}`);
  const made = `${page.slice(0, page.indexOf(mark) + mark.length)}\n\n${tables}`;
  if (process.argv.includes("--write")) writeFileSync(path, made);
  else if (made !== page) {
    console.error(`docs/${place}.md is not what the code says: node ${script} --write`);
    process.exitCode = 1;
  }
}
