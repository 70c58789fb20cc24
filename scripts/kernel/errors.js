// A failing cell ends with an error message of Jupyter's own kind: JupyterLab frames it, a headless run names it.
// (tslab prints the error to the cell's standard error and replies no more than "error".)
const { format, inspect } = require("node:util");
const { JupyterHandlerImpl, ZmqServer } = require("tslab/dist/jupyter");
const { TaskQueue } = require("tslab/dist/util");

/** Errors whose message says everything: what happened and what to do next. Their stack is left out. */
const SELF_EXPLAINING = new Set(["UserError", "Interrupted"]);
/** Stack frames beneath the cell's own: tslab, this folder, Node's inner modules. */
const KERNEL_FRAME = /^\s+at .*(node_modules\/tslab\/|scripts\/kernel\/|[( ]node:)/;

const LEFT_WAITING =
  "Interrupted. What the cell awaited may go on in the background: restart the kernel to end it.";

/** What tslab reported since the running cell began, as { name, text }. */
let reported = [];
/** The same for cells that have ended, by their request: the next cell may run before the reply is written. */
const reportsOf = new WeakMap();

/** Takes tslab's reports: (format, ...values) for a type error, the thrown value alone for any other. */
function report(...args) {
  if (args.length > 1) reported.push({ name: "TypeScript", text: format(...args) });
  else reported.push({ name: args[0]?.name ?? "Error", text: describe(args[0]) });
}

function describe(thrown) {
  if (SELF_EXPLAINING.has(thrown?.name)) return thrown.message;
  if (thrown?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED") return "Interrupted.";
  if (thrown?.message === "Interrupted asynchronously") return LEFT_WAITING;
  const lines = inspect(thrown).split("\n");
  return lines.filter((line) => !KERNEL_FRAME.test(line)).join("\n");
}

/** The content that Jupyter's protocol asks of a failure: a name, one line, and all lines. */
function errorContent(errors) {
  const { name, text } = errors[0] ?? { name: "Error", text: "The cell failed." };
  const firstLine = text.split("\n")[0];
  const evalue = firstLine.startsWith(`${name}: `) ? firstLine.slice(name.length + 2) : firstLine;
  return { ename: name, evalue, traceback: errors.flatMap((error) => error.text.split("\n")) };
}

/** Like tslab's own handleExecute, with the error published before the reply. */
async function handleExecute(socket, request) {
  const { key } = this.connInfo;
  const publish = (type, content) => {
    const message = request.createReply();
    message.header.msg_type = type;
    message.content = content;
    message.signAndSend(key, this.iopub);
  };
  const writeStream = (name, text) => publish("stream", { name, text });
  const writeDisplayData = (data, update) => publish(update ? "update_display_data" : "display_data", data);
  const content = await this.handler.handleExecute(request.content, writeStream, writeDisplayData);
  const errors = reportsOf.get(request.content) ?? [];
  if (content.status === "error") {
    Object.assign(content, errorContent(errors));
    publish("error", errorContent(errors));
  } else for (const { text } of errors) writeStream("stderr", `${text}\n`);
  const reply = request.createReply();
  reply.header.msg_type = "execute_reply";
  reply.content = content;
  reply.signAndSend(key, socket);
}

/** Keeps each cell's reports apart. */
function collectReports() {
  const execute = JupyterHandlerImpl.prototype.handleExecuteImpl;
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, ...rest) {
    reported = [];
    try {
      return await execute.call(this, request, ...rest);
    } finally {
      reportsOf.set(request, reported);
    }
  };
}

/**
 * In a headless run (scripts/notebooks.mjs) nothing runs after a failed cell: tslab cancels what is queued then, and
 * here keeps on cancelling. Elsewhere the user goes on with the next cell.
 */
function stopAfterError() {
  if (process.env.GUIE_STOP_AFTER_ERROR) TaskQueue.prototype.reset = () => {};
}

/**
 * Starts tslab with `start` so that its reports come here: it keeps the console.error of that moment.
 */
function mendErrors(start) {
  ZmqServer.prototype.handleExecute = handleExecute;
  collectReports();
  stopAfterError();
  const error = console.error;
  console.error = report;
  try {
    start();
  } finally {
    console.error = error;
  }
}

module.exports = { mendErrors };
