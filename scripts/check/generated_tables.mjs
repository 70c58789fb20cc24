// Keeps the generated tables of a page in docs/ equal to the code.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const docs = join(dirname(fileURLToPath(import.meta.url)), "../../docs");

/** Returns a Markdown table. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/**
 * Compares the end of docs/NAME.md, after its mark, with `tables`; with --write replaces it. Sets the exit code if they
 * differ.
 */
export function checkTables(name, tables) {
  const path = join(docs, `${name}.md`);
  const mark = `<!-- From here on made by \`node scripts/check/${name}.mjs --write\` -->`;
  const page = readFileSync(path, "utf8");
  if (!page.includes(mark)) throw new Error(`docs/${name}.md lacks the line ${mark}`);
  const made = `${page.slice(0, page.indexOf(mark) + mark.length)}\n\n${tables}`;
  if (process.argv.includes("--write")) writeFileSync(path, made);
  else if (made !== page) {
    console.error(`docs/${name}.md is not what the code says: node scripts/check/${name}.mjs --write`);
    process.exitCode = 1;
  }
}
