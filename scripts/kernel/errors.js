// A failing cell ends with an error message of Jupyter's own kind: JupyterLab frames it, a headless run names it.
// (tslab prints the error to the cell's standard error and replies no more than "error".)
const { format, inspect } = require("node:util");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");

/** Errors whose message says everything: what happened and what to do next. Their stack is left out. */
const SELF_EXPLAINING = new Set(["UserError", "Interrupted", "CompilerFailure"]);
/** Stack frames beneath the cell's own: tslab, this folder, Node's inner modules. */
const KERNEL_FRAME = /^\s+at .*(node_modules\/tslab\/|scripts\/kernel\/|[( ]node:)/;

const LEFT_WAITING =
  "Interrupted. What the cell awaited may go on in the background: restart the kernel to end it.";

/** What tslab reported since the running cell began, as { name, message, text }. */
let reported = [];
/** The same for cells that have ended, by their request: the next cell may run before the reply is written. */
const reportsOf = new WeakMap();

/** Takes tslab's reports: (format, ...values) for a type error, the thrown value as the last one for any other. */
function report(...args) {
  const thrown = args.at(-1);
  if (args.length > 2) {
    const text = format(...args);
    reported.push({ name: "TypeScript", message: text, text });
  } else if (args.length === 2) reported.push({ ...described(thrown), text: `${args[0]} ${textOf(thrown)}` });
  else reported.push(described(thrown));
}

function interruption(thrown) {
  if (thrown?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED") return "Interrupted.";
  return thrown?.message === "Interrupted asynchronously" ? LEFT_WAITING : undefined;
}

/** All lines of what was thrown: its stack, causes and further errors. */
function textOf(thrown) {
  const message = interruption(thrown) ?? (SELF_EXPLAINING.has(thrown?.name) ? thrown.message : undefined);
  if (message !== undefined) return message;
  const lines = inspect(thrown).split("\n");
  return lines.filter((line) => !KERNEL_FRAME.test(line)).join("\n");
}

function described(thrown) {
  const isError = typeof thrown?.message === "string";
  const message = interruption(thrown) ?? (isError ? thrown.message : format(thrown));
  return { name: String(thrown?.name ?? "Error"), message, text: textOf(thrown) };
}

/** The content that Jupyter's protocol asks of a failure: a name, its message, and all lines. */
function contentOf(errors) {
  const { name, message } = errors[0] ?? { name: "Error", message: "The cell failed." };
  return { ename: name, evalue: message, traceback: errors.flatMap((error) => error.text.split("\n")) };
}

/** The content of a failed reply for what was thrown outside cells. */
function errorOf(thrown) {
  return contentOf(thrown.map(described));
}

/**
 * Publishes what was reported of a cell.
 * @returns what its reply says of it
 */
function publishErrors(request, status, publish) {
  const errors = reportsOf.get(request) ?? [];
  if (status === "error") {
    publish("error", contentOf(errors));
    return contentOf(errors);
  }
  for (const { text } of errors) publish("stream", { name: "stderr", text: `${text}\n` });
  return {};
}

/** Keeps each cell's reports apart. */
function collectReports() {
  const execute = JupyterHandlerImpl.prototype.handleExecuteImpl;
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, ...rest) {
    reported = [];
    try {
      return await execute.call(this, request, ...rest);
    } catch (error) {
      if (error instanceof Error) report(error); // tslab throws its own count of cells after a report
      throw error;
    } finally {
      reportsOf.set(request, reported);
    }
  };
}

/** Starts tslab with `start` so that its reports and results go where they are told: it keeps the console of then. */
function mendErrors(start, showResult) {
  collectReports();
  const { error, log } = console;
  Object.assign(console, { error: report, log: showResult });
  try {
    start();
  } finally {
    Object.assign(console, { error, log });
  }
}

module.exports = { errorOf, mendErrors, publishErrors };
