// Checks committed notebooks: they use our kernel, every code cell holds the output that its source made, without
// errors, times or paths of a machine, and they equal their originals in scripts/originals/. With --write they become
// the originals.
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MAX_NOTEBOOK_BYTES, seenOnGitHub, sourceHash, textOf } from "../notebooks/outputs.mjs";
import { notebookPath, originalPath, PUT_ASIDE, SHIPPED } from "../originals.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const KERNEL = { name: "typescript", display_name: "TypeScript", language: "typescript" };
/** Absolute paths that exist only on one person's machine. */
const MACHINE_PATH = /(?<![\w.])\/(?:home|root|Users|work|mnt|media|private|tmp)\/[\w.-]*/;
/** A date with a time of day, or a time with seconds. */
const TIME_STAMP = /\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d|\b\d\d:\d\d:\d\d\b/;
/** Longest line of code that JupyterLab shows whole in a window of 1,100 pixels. */
const MAX_LINE_CHARACTERS = 110;
const PICTURE_BYTES = /;base64,[\w+/=]+/g;

/**
 * Checks a notebook.
 * @param text the file's content
 * @returns one sentence per fault
 */
export function notebookFaults(text) {
  const faults = [];
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_NOTEBOOK_BYTES) faults.push(`it has ${bytes} bytes, more than ${MAX_NOTEBOOK_BYTES}`);
  const path = MACHINE_PATH.exec(text.replaceAll(PICTURE_BYTES, "").replaceAll("<wbr>", ""))?.[0];
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

function cellFaults(cell) {
  const { cell_type: type, execution_count: count, metadata, outputs } = cell;
  if (type !== "code") return [];
  const stamp = TIME_STAMP.exec(JSON.stringify(outputs).replaceAll(PICTURE_BYTES, ""))?.[0];
  const long = textOf(cell.source)
    .split("\n")
    .find((line) => line.length > MAX_LINE_CHARACTERS);
  const inline = outputs.some(({ data }) => textOf(data?.["text/html"]).includes("<svg"));
  const unseen = outputs.find(({ data }) => data && !seenOnGitHub(data));
  return [
    ...(count === null ? [] : [`has an execution count (${count})`]),
    ...(long
      ? [`has a line of ${long.length} characters, more than ${MAX_LINE_CHARACTERS}: ${long.trim()}`]
      : []),
    ...sourceFaults(cell),
    ...(inline ? ["holds SVG in HTML, which JupyterLab and GitHub remove: make it an image"] : []),
    ...(outputs.some((output) => output.output_type === "error") ? ["shows an error"] : []),
    ...(stamp ? [`shows a time: ${stamp}`] : []),
    ...(metadata.execution ? ["holds the times of its execution"] : []),
    ...(unseen ? [`has an output of which GitHub shows nothing: ${textOf(unseen.data["text/plain"])}`] : []),
  ];
}

/** Compares the source with the one that made the outputs. */
function sourceFaults(cell) {
  const madeBy = cell.metadata.guie?.source;
  if (madeBy === undefined) return ["has no committed output"];
  return madeBy === sourceHash(cell) ? [] : ["was changed after its output was made"];
}

function main() {
  const folder = join(root, "notebooks");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ipynb"));
  for (const file of names.filter((name) => !PUT_ASIDE.test(basename(name, ".ipynb")))) {
    const faults = notebookFaults(readFileSync(join(folder, file), "utf8"));
    if (faults.length === 0) continue;
    console.error(`notebooks/${file}:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
    console.error(`  Next: npm run notebooks -- --commit ${basename(file, ".ipynb")}`);
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
