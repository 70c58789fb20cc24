// Publishes errors of cells as Jupyter's error messages, which JupyterLab frames and headless runs report. (tslab
// itself prints them to the cell's standard error, and replies only "error".)
const { format, inspect } = require("node:util");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");

/** Errors with complete messages: what happened and what to do next. Their stack is omitted. */
const SELF_EXPLAINING = new Set(["UserError", "Interrupted", "CompilerFailure"]);
/** Stack frames below the cell's own: tslab, this folder, Node's internal modules. */
const KERNEL_FRAME = /^\s+at .*(node_modules\/tslab\/|scripts\/kernel\/|[( ]node:)/;

const LEFT_WAITING =
  "Interrupted. What the cell awaited may continue in the background: restart the kernel to end it.";

/** Reports of tslab since the running cell began, as { name, message, text }. */
let reported = [];
/** Reports of finished cells, by request: the next cell may run before the reply is written. */
const reportsOf = new WeakMap();

/** Stores a report of tslab: (format, ...values) for a type error; for any other error, the thrown value comes last. */
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

/** Returns all lines of a thrown value: stack, causes and further errors. */
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

/** Returns the content of Jupyter's error message: a name, its message, and all lines. */
function contentOf(errors) {
  const { name, message } = errors[0] ?? { name: "Error", message: "The cell failed." };
  return { ename: name, evalue: message, traceback: errors.flatMap((error) => error.text.split("\n")) };
}

/** Returns the content of a failed reply for errors outside cells. */
function errorOf(thrown) {
  return contentOf(thrown.map(described));
}

/**
 * Publishes the reports of a cell.
 * @returns the error fields of its reply
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

/** Patches tslab to keep the reports of each cell separate. */
function collectReports() {
  const execute = JupyterHandlerImpl.prototype.handleExecuteImpl;
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, ...rest) {
    reported = [];
    try {
      return await execute.call(this, request, ...rest);
    } catch (error) {
      if (error instanceof Error) report(error); // after a report, tslab throws its cell count
      throw error;
    } finally {
      reportsOf.set(request, reported);
    }
  };
}

/**
 * Starts tslab with `start` and redirects its reports and results: tslab keeps the console that it finds at its start.
 */
function patchErrors(start, showResult) {
  collectReports();
  const { error, log } = console;
  Object.assign(console, { error: report, log: showResult });
  try {
    start();
  } finally {
    Object.assign(console, { error, log });
  }
}

module.exports = { errorOf, patchErrors, publishErrors };
