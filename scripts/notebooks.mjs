// Runs notebooks headless, each from top to bottom in its own kernel, and keeps the executed copies.
//   npm run notebooks -- [names...] [--out runs/notebooks] [--params '{"Inference": {"seed": 1}}'] [--timeout-s N] [--html]
//   npm run notebooks -- --restore Train    restores the original, and keeps the edited one next to it
// Without names: all of notebooks/, in pipeline order. By default a person's notebooks run, and edited cells are
// listed; --originals runs the project's. A failing cell ends the run: its source and error are printed; the executed
// copy holds everything up to it. --params overrides the parameters of the named notebooks.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { asOwner } from "guie/dist/common/files/claim.js";
import { guardScript } from "./guard.mjs";
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

/** Options for a page that needs no server and no network (scripts/page/). */
const PAGE_OPTIONS = [
  "--template",
  "page",
  `--TemplateExporter.extra_template_basedirs=${join(root, "scripts")}`,
];

const PROGRESS_PAUSE_MS = 15_000;

/** Prints the progress that a notebook writes into `file` when it changes; returns a function that stops this. */
function relayProgress(file) {
  let shown = "";
  const timer = setInterval(() => {
    const line = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (line && line !== shown) console.log(`  ${line}`);
    shown = line;
  }, PROGRESS_PAUSE_MS);
  return () => {
    clearInterval(timer);
    rmSync(file, { force: true });
  };
}

/** Runs jupyter nbconvert; resolves with its exit code and output. */
function nbconvert(args, env = {}) {
  const command = join(root, ".venv/bin/jupyter-nbconvert");
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk) => {
    output += chunk;
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((done, fail) => child.on("error", fail).on("close", (code) => done({ code, output })));
}

/**
 * Executes one notebook into `out`.
 * @returns the failure as text, or undefined
 */
async function execute({ name, path }, { out, params, timeoutS, html }) {
  const executed = join(out, `${name}.ipynb`);
  const partial = join(out, `.${name}.making.ipynb`);
  rmSync(partial, { force: true });
  const settings = {
    timeout: timeoutS ?? -1,
    interrupt_on_timeout: true,
    // The kernel itself stops at the first error (scripts/kernel/queue.js); this way the copy is always written.
    allow_errors: true,
    iopub_timeout: 60,
  };
  const options = Object.entries(settings).map(
    ([key, value]) => `--ExecutePreprocessor.${key}=${pythonic(value)}`,
  );
  const progressFile = join(out, `.${name}.progress`);
  const endProgress = relayProgress(progressFile);
  const { code, output } = await nbconvert(
    ["--to", "notebook", "--execute", ...options, "--output-dir", out, "--output", basename(partial), path],
    {
      GUIE_STOP_AFTER_ERROR: "1",
      GUIE_PARAMS: JSON.stringify(params[name] ?? {}),
      GUIE_PROGRESS_FILE: progressFile,
    },
  ).finally(endProgress);
  if (output.includes("DeadKernelError"))
    return "its kernel died (killed, or out of memory?); there is no new copy.";
  if (code !== 0) return `nbconvert ended with ${code}:\n${output.trim().split("\n").slice(-15).join("\n")}`;
  renameSync(partial, executed);
  if (html) {
    const page = await nbconvert(["--to", "html", ...PAGE_OPTIONS, executed]);
    if (page.code !== 0) return `no page could be made of ${executed}:\n${page.output.trim()}`;
  }
  const failure = failureIn(JSON.parse(readFileSync(executed, "utf8")));
  return failure && `${failure}\n\nThe executed copy up to there: ${executed}`;
}

function pythonic(value) {
  return typeof value === "boolean" ? (value ? "True" : "False") : String(value);
}

/** Returns the first failing cell with its error, as text; undefined if none failed. */
function failureIn(notebook) {
  const codeCells = notebook.cells.filter((cell) => cell.cell_type === "code");
  for (const [index, cell] of codeCells.entries()) {
    const error = cell.outputs.find((output) => output.output_type === "error");
    if (!error) continue;
    const source = [cell.source].flat().join("");
    const traceback = stripVTControlCharacters(error.traceback.join("\n"));
    return `code cell ${index + 1} of ${codeCells.length} failed:\n${indent(source)}\n\n${indent(traceback)}`;
  }
  return undefined;
}

function indent(text) {
  return text.replace(/^/gm, "    ");
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
    },
  });
  if (values.restore) return restoreAll(positionals);
  const timeoutS = values["timeout-s"] === undefined ? undefined : Number(values["timeout-s"]);
  if (timeoutS !== undefined && !(timeoutS > 0))
    throw new UsageError("--timeout-s must be a number of seconds above 0");
  const notebooks = selectNotebooks(positionals, values.originals);
  const params = readParams(values.params, notebooks);
  const out = resolve(values.out);
  for (const notebook of notebooks) requireReplaceable(notebook, out);
  mkdirSync(out, { recursive: true });
  for (const [index, notebook] of notebooks.entries()) {
    const startedAtMs = performance.now();
    console.log(`${notebook.name} ...`);
    reportEdits(notebook);
    const failure = await asOwner(join(out, `${notebook.name}.ipynb`), "The execution", () =>
      execute(notebook, { out, params, timeoutS, html: values.html }),
    );
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
