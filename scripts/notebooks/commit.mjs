// Writes the outputs of an executed copy into its notebook, to be committed; a notebook of the project becomes its
// original, too.
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { notebookPath, originalPath, SHIPPED } from "../originals.mjs";
import { changedOutputs, withOutputs } from "./outputs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const workspace = resolve(root, process.env.GUIE_ROOT ?? "");

/** Names of the runs that the notebooks make on the demo; those of Experiments, which comes last. */
const DEMO_RUN = /^(demo|quick_start)_(frozen|fine_tune)$/;
const EXPERIMENT = /^demo_(sweep|tune|soup)$/;

/**
 * Returns the names of runs in checkpoints/ that tables of runs would show and that are not there at a first time: of
 * the notebooks alone (`others`), and those of Experiments, unless it is committed alone (`later`).
 * @param notebooks names of the notebooks to commit
 */
export function otherRuns(notebooks) {
  const folder = join(workspace, "checkpoints");
  if (!existsSync(folder)) return { others: [], later: [] };
  const runs = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = runs.map(({ name }) => name).filter((name) => !DEMO_RUN.test(name));
  const isLast = notebooks.every((name) => name === "Experiments");
  return {
    others: names.filter((name) => !EXPERIMENT.test(name)),
    later: isLast ? [] : names.filter((name) => EXPERIMENT.test(name)),
  };
}

/**
 * Writes the normalised outputs of `executed` into the notebook at `path`, under a temporary name first.
 * @returns the notebook's size, and the cells whose outputs differ from those it had
 */
export function commitOutputs(path, executed) {
  const before = JSON.parse(readFileSync(path, "utf8"));
  const folders = [...new Set([workspace, root])].sort((a, b) => b.length - a.length);
  const text = withOutputs(before, JSON.parse(readFileSync(executed, "utf8")), folders);
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
  const name = basename(path, ".ipynb");
  if (SHIPPED.includes(name) && path === notebookPath(name)) {
    copyFileSync(path, `${originalPath(name)}.tmp`);
    renameSync(`${originalPath(name)}.tmp`, originalPath(name));
  }
  return { bytes: Buffer.byteLength(text), changes: changedOutputs(before, JSON.parse(text)) };
}
