// Checks committed notebooks: they use our kernel, have no traces of a run or a machine, and equal their originals in
// scripts/originals/. With --write they become the originals.
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { notebookPath, originalPath, PUT_ASIDE, SHIPPED } from "../originals.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const KERNEL = { name: "typescript", display_name: "TypeScript", language: "typescript" };
const MAX_NOTEBOOK_BYTES = 300_000;
const MAX_OUTPUT_BYTES = 20_000;
/** Absolute paths that exist only on one person's machine. */
const MACHINE_PATH = /(?<![\w.])\/(?:home|root|Users|work|mnt|media|private)\/[\w.-]*/;

/**
 * Checks a notebook.
 * @param text the file's content
 * @returns one sentence per fault
 */
export function notebookFaults(text) {
  const faults = [];
  if (text.length > MAX_NOTEBOOK_BYTES)
    faults.push(`it has ${text.length} bytes, more than ${MAX_NOTEBOOK_BYTES}`);
  const path = MACHINE_PATH.exec(text)?.[0];
  if (path) faults.push(`it contains a path of some machine: ${path}`);
  const { cells, metadata } = JSON.parse(text);
  for (const [key, value] of Object.entries(KERNEL)) {
    const found = metadata.kernelspec?.[key];
    if (found !== value)
      faults.push(`metadata.kernelspec.${key} must be "${value}", it is ${JSON.stringify(found)}`);
  }
  for (const [index, cell] of cells.entries()) {
    for (const fault of cellFaults(cell)) faults.push(`cell ${index + 1} ${fault}`);
  }
  return faults;
}

function cellFaults({ cell_type: type, execution_count: count, outputs }) {
  if (type !== "code") return [];
  const bytes = JSON.stringify(outputs).length;
  return [
    ...(count === null ? [] : [`has an execution count (${count})`]),
    ...(bytes > MAX_OUTPUT_BYTES ? [`has outputs of ${bytes} bytes, more than ${MAX_OUTPUT_BYTES}`] : []),
    ...(outputs.some((output) => output.output_type === "error") ? ["shows an error"] : []),
  ];
}

function main() {
  const folder = join(root, "notebooks");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ipynb"));
  for (const file of names.filter((name) => !PUT_ASIDE.test(basename(name, ".ipynb")))) {
    const faults = notebookFaults(readFileSync(join(folder, file), "utf8"));
    if (faults.length === 0) continue;
    console.error(`notebooks/${file}:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
    console.error(`  Next: .venv/bin/jupyter nbconvert --clear-output --inplace notebooks/${file}`);
    process.exitCode = 1;
  }
  if (process.argv.includes("--write") && !process.exitCode) {
    for (const name of SHIPPED) copyFileSync(notebookPath(name), originalPath(name));
  }
  for (const name of SHIPPED.filter((name) => !isOriginal(name))) {
    console.error(`notebooks/${name}.ipynb is not scripts/originals/${name}.ipynb, which the demo runs.`);
    console.error(
      `  Next: npm run notebooks -- --restore ${name}, or, to ship the change: node scripts/check/notebooks.mjs --write`,
    );
    process.exitCode = 1;
  }
}

function isOriginal(name) {
  const [ours, original] = [notebookPath(name), originalPath(name)];
  return existsSync(ours) && existsSync(original) && readFileSync(ours).equals(readFileSync(original));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
