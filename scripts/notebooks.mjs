// Runs notebooks headless, each from top to bottom in its own kernel, and keeps the executed copies.
//   npm run notebooks -- [names...] [--out runs/notebooks] [--params '{"Inference": {"seed": 1}}'] [--timeout-s N] [--html]
//   npm run notebooks -- --commit [names...]   writes the outputs of a run on the demo into notebooks/ (for a commit)
//   npm run notebooks -- --restore Train    restores the original, and keeps the edited one next to it
// Without names: all of notebooks/, in pipeline order. By default a person's notebooks run, and edited cells are
// listed; --originals runs the project's. A failing cell ends the run: its source and error are printed; the executed
// copy holds everything up to it. --params overrides the parameters of the named notebooks.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { asOwner } from "guie/dist/common/files/claim.js";
import { guardScript } from "./guard.mjs";
import { commitOutputs, otherRuns } from "./notebooks/commit.mjs";
import { execute } from "./notebooks/execute.mjs";
import {
  changedCells,
  notebookPath,
  originalPath,
  PIPELINE,
  PUT_ASIDE,
  restore,
  SHIPPED,
} from "./originals.mjs";

guardScript("notebooks");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** A mistake in the call, printed without a stack. */
class UsageError extends Error {}

/** Returns the notebooks to run, as { name, path }; a name means notebooks/<name>.ipynb, or its original. */
function selectNotebooks(names, useOriginals) {
  if (useOriginals) {
    const wanted = names.length > 0 ? names : PIPELINE;
    requireOriginals(wanted);
    return wanted.map((name) => ({ name, path: originalPath(name) }));
  }
  const known = readdirSync(join(root, "notebooks"))
    .filter((file) => file.endsWith(".ipynb"))
    .map((file) => basename(file, ".ipynb"));
  const others = known.filter((name) => !SHIPPED.includes(name) && !PUT_ASIDE.test(name)).sort();
  const wanted = names.length > 0 ? names : [...SHIPPED.filter((name) => known.includes(name)), ...others];
  return wanted.map((name) => {
    const path = name.endsWith(".ipynb") ? resolve(name) : notebookPath(name);
    if (existsSync(path)) return { name: basename(path, ".ipynb"), path };
    const back = SHIPPED.includes(name) ? `; npm run notebooks -- --restore ${name} brings it back` : "";
    throw new UsageError(`there is no notebook ${name}; notebooks/ has: ${known.join(", ")}${back}`);
  });
}

function requireOriginals(names) {
  const unknown = names.filter((name) => !SHIPPED.includes(name));
  if (unknown.length > 0)
    throw new UsageError(`the project has no notebook ${unknown.join(", ")}; it has: ${SHIPPED.join(", ")}`);
}

/** Prints a notice if a notebook of the pipeline differs from the project's original. */
function reportEdits({ name, path }) {
  if (!SHIPPED.includes(name) || path !== notebookPath(name)) return;
  const cells = changedCellsOf(name);
  if (cells.length === 0) return;
  console.log(
    `  notebooks/${name}.ipynb is run as you have edited it: ${cells.length > 1 ? "cells" : "cell"} ${cells.join(", ")}. ` +
      `The project's own: --originals; to bring it back: npm run notebooks -- --restore ${name}`,
  );
}

function changedCellsOf(name) {
  try {
    return changedCells(name);
  } catch (error) {
    throw new UsageError(
      `notebooks/${name}.ipynb is not a notebook (${error.message}); npm run notebooks -- --restore ${name} brings the project's back`,
    );
  }
}

/** Restores originals, and prints where the edited ones are. */
function restoreAll(names) {
  if (names.length === 0) throw new UsageError(`--restore takes names of ${SHIPPED.join(", ")}`);
  requireOriginals(names);
  for (const name of names) {
    const aside = restore(name);
    const kept = aside ? ` again; the edited one is notebooks/${aside}.ipynb` : "";
    console.log(`notebooks/${name}.ipynb is the project's own${kept}`);
  }
}

/** Refuses an output path where the copy would replace its own source, or a notebook that was not executed here. */
function requireReplaceable({ name, path }, out) {
  const executed = join(out, `${name}.ipynb`);
  if (!existsSync(executed)) return;
  if (realpathSync(executed) === realpathSync(path))
    throw new UsageError(`--out ${out} is the folder of ${name}.ipynb itself: choose another folder`);
  if (isExecutedCopy(executed)) return;
  throw new UsageError(
    `${executed} is not an executed copy of a notebook and is kept. Choose another --out, or move it away`,
  );
}

/**
 * Returns true for an executed copy: nbconvert records in each cell when it ran; a notebook saved by a person has no
 * such record.
 */
function isExecutedCopy(path) {
  try {
    const { cells } = JSON.parse(readFileSync(path, "utf8"));
    return cells.some(({ metadata }) => metadata.execution !== undefined);
  } catch {
    return false;
  }
}

/** Refuses a commit of outputs that are not the demo's by the notebooks' own parameters. */
function requireCommittable({ originals, params }, notebooks) {
  if (originals || params !== "{}")
    throw new UsageError(
      "--commit runs notebooks/ with their own parameters: leave out --originals and --params",
    );
  const { others, later } = otherRuns(notebooks.map(({ name }) => name));
  if (others.length > 0)
    throw new UsageError(
      `--commit shows every run in checkpoints/, and these are not the demo's: ${others.join(", ")}. ` +
        "Set GUIE_ROOT to a folder with data/demo and checkpoints/ of the demo alone",
    );
  if (later.length > 0)
    throw new UsageError(
      `Experiments has run before: the tables of earlier notebooks would show ${later.join(", ")}, which it makes again. ` +
        `npx guie rm ${later.join(" ")} deletes them`,
    );
}

/** Writes the outputs into the notebook, and prints what differs from the committed ones. */
function reportCommitted({ name, path }, out) {
  const { bytes, changes } = commitOutputs(path, join(out, `${name}.ipynb`));
  const differ = changes.length > 0 ? ", other outputs than before:" : ", the same outputs as before";
  console.log(`  notebooks/${name}.ipynb: ${(bytes / 1000).toFixed(0)} KB${differ}`);
  for (const change of changes) console.log(`    ${change}`);
}

/** Parses --params as an object; every key must be a notebook that is run. */
function readParams(text, notebooks) {
  const names = notebooks.map(({ name }) => name);
  let params;
  try {
    params = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--params is not JSON (${error.message}): ${text}`);
  }
  for (const [name, values] of Object.entries(params)) {
    if (!names.includes(name))
      throw new UsageError(`--params names "${name}", which is not run; these are: ${names.join(", ")}`);
    if (typeof values !== "object")
      throw new UsageError(`--params: "${name}" must be an object of parameters`);
  }
  return params;
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: "string", default: "runs/notebooks" },
      params: { type: "string", default: "{}" },
      "timeout-s": { type: "string" },
      html: { type: "boolean", default: false },
      originals: { type: "boolean", default: false },
      restore: { type: "boolean", default: false },
      commit: { type: "boolean", default: false },
    },
  });
  if (values.restore) return restoreAll(positionals);
  const timeoutS = values["timeout-s"] === undefined ? undefined : Number(values["timeout-s"]);
  if (timeoutS !== undefined && !(timeoutS > 0))
    throw new UsageError("--timeout-s must be a number of seconds above 0");
  const notebooks = selectNotebooks(
    values.commit && positionals.length === 0 ? SHIPPED : positionals,
    values.originals,
  );
  if (values.commit) requireCommittable(values, notebooks);
  const params = readParams(values.params, notebooks);
  const out = resolve(values.out);
  for (const notebook of notebooks) requireReplaceable(notebook, out);
  mkdirSync(out, { recursive: true });
  for (const [index, notebook] of notebooks.entries()) {
    const startedAtMs = performance.now();
    console.log(`${notebook.name} ...`);
    if (!values.commit) reportEdits(notebook);
    const failure = await asOwner(join(out, `${notebook.name}.ipynb`), "The execution", () =>
      execute(notebook, { out, params, timeoutS, html: values.html, hidesProgress: values.commit }),
    );
    if (values.commit && !failure) reportCommitted(notebook, out);
    console.log(
      `${notebook.name}: ${failure ? "failed after " : ""}${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`,
    );
    if (!failure) continue;
    const rest = notebooks.slice(index + 1).map(({ name }) => name);
    const notRun = rest.length > 0 ? `\nNot run: ${rest.join(", ")}.` : "";
    console.error(`${notebook.name}: ${failure}${notRun}`);
    process.exitCode = 1;
    return;
  }
}

try {
  await main();
} catch (error) {
  if (
    !(error instanceof UsageError) &&
    error.name !== "UserError" &&
    !error.code?.startsWith("ERR_PARSE_ARGS")
  )
    throw error;
  console.error(`notebooks: ${error.message}`);
  process.exitCode = 2;
}
