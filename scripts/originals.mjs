// The six notebooks as the project ships them. People work in notebooks/, and JupyterLab saves there by itself; the
// originals stand in scripts/originals/, so that the demo always runs them and each can be brought back, without git too.
// `npm run check` holds both equal; `node scripts/check/notebooks.mjs --write` takes notebooks/ as the new originals.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The six, in the order of the pipeline: each reads what those before it wrote. */
export const PIPELINE = [
  "Get_Data",
  "Data_preprocessing",
  "Data_Merge",
  "Model_Preparation",
  "Train",
  "Inference",
];

/** Names of notebooks that `restore` has put aside. */
export const PUT_ASIDE = /\.edited(-\d+)?$/;

/** Where people work on a notebook. */
export function notebookPath(name) {
  return join(root, "notebooks", `${name}.ipynb`);
}

/** The same notebook as it is shipped. */
export function originalPath(name) {
  return join(root, "scripts/originals", `${name}.ipynb`);
}

/** What the cells of a notebook say, without outputs. */
function sources(path) {
  const { cells } = JSON.parse(readFileSync(path, "utf8"));
  return cells.map(({ cell_type: type, source }) => `${type}: ${[source].flat().join("")}`);
}

/** The numbers of the cells, from 1, that are not the original's: changed, added, or (one past the end) missing. */
export function changedCells(name) {
  const [ours, originals] = [notebookPath(name), originalPath(name)].map(sources);
  const known = new Set(originals);
  const changed = ours.flatMap((source, index) => (known.has(source) ? [] : [index + 1]));
  const isWhole = changed.length > 0 || ours.join("\n") === originals.join("\n");
  return isWhole ? changed : [ours.length + 1];
}

/**
 * Brings the original of a notebook back; what was there stays beside it, under another name.
 * @returns the name under which it stays; undefined where there was nothing to keep
 */
export function restore(name) {
  const [path, original] = [notebookPath(name), originalPath(name)];
  mkdirSync(dirname(path), { recursive: true });
  const isKept = existsSync(path) && !readFileSync(path).equals(readFileSync(original));
  const aside = isKept ? freeName(name) : undefined;
  if (aside) renameSync(path, notebookPath(aside));
  copyFileSync(original, `${path}.tmp`);
  renameSync(`${path}.tmp`, path);
  return aside;
}

function freeName(name) {
  let aside = `${name}.edited`;
  for (let n = 2; existsSync(notebookPath(aside)); n++) aside = `${name}.edited-${n}`;
  return aside;
}
