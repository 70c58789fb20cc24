// The notebooks as the project ships them. People work in notebooks/, where JupyterLab saves automatically; the
// originals are in scripts/originals/, so that the demo always runs them and each can be restored, even without git.
// `npm run check` fails if they differ; `node scripts/check/notebooks.mjs --write` makes notebooks/ the new originals.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The six notebooks in pipeline order: each reads the output of earlier ones. */
export const PIPELINE = [
  "Get_Data",
  "Data_preprocessing",
  "Data_Merge",
  "Model_Preparation",
  "Train",
  "Inference",
];

/** All notebooks that the project ships. */
export const SHIPPED = ["Quick_Start", ...PIPELINE, "Experiments"];

/** Pattern of the names under which `restore` keeps edited notebooks. */
export const PUT_ASIDE = /\.edited(-\d+)?$/;

/** Returns the path of the working copy of a notebook. */
export function notebookPath(name) {
  return join(root, "notebooks", `${name}.ipynb`);
}

/** Returns the path of the shipped notebook. */
export function originalPath(name) {
  return join(root, "scripts/originals", `${name}.ipynb`);
}

/** Returns the types and sources of a notebook's cells, without outputs. */
function sources(path) {
  const { cells } = JSON.parse(readFileSync(path, "utf8"));
  return cells.map(({ cell_type: type, source }) => `${type}: ${[source].flat().join("")}`);
}

/**
 * Returns the numbers, from 1, of cells that differ from the original: changed, added, or (one past the end) missing.
 */
export function changedCells(name) {
  const [ours, originals] = [notebookPath(name), originalPath(name)].map(sources);
  const known = new Set(originals);
  const changed = ours.flatMap((source, index) => (known.has(source) ? [] : [index + 1]));
  const isWhole = changed.length > 0 || ours.join("\n") === originals.join("\n");
  return isWhole ? changed : [ours.length + 1];
}

/**
 * Restores the original of a notebook; an edited one is kept next to it under another name.
 * @returns the name of the edited one; undefined if there was nothing to keep
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
