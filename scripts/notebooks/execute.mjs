// Executes a notebook headless by nbconvert, in a kernel of its own, and finds the cell that failed.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

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
 * @param hidesProgress without bars in the outputs
 * @returns the failure as text, or undefined
 */
export async function execute({ name, path }, { out, params, timeoutS, html, hidesProgress }) {
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
      ...(hidesProgress ? { GUIE_HIDE_PROGRESS: "1" } : {}),
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
