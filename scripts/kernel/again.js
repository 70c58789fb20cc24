// A cell that is run again while it still runs: what only shows something (watchRun) gives way to it.
//
// A browser tab that was closed leaves its cell running, and its output goes nowhere. Whoever opens the notebook again
// and runs the cell would wait behind it. lib/notebook/again.ts asks whether that has happened.
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");

const ASKED_AGAIN = Symbol.for("guie.cellAskedAgain");

/** Cells in line, in their order; the one that runs is not among them. */
const waiting = [];
let running;

function mendAgain() {
  const { handleExecute, handleExecuteImpl } = JupyterHandlerImpl.prototype;
  JupyterHandlerImpl.prototype.handleExecute = async function (request, ...rest) {
    waiting.push(request);
    try {
      return await handleExecute.call(this, request, ...rest);
    } finally {
      const place = waiting.indexOf(request); // one that was cancelled is still there
      if (place >= 0) waiting.splice(place, 1);
    }
  };
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, ...rest) {
    waiting.splice(waiting.indexOf(request), 1);
    running = request;
    try {
      return await handleExecuteImpl.call(this, request, ...rest);
    } finally {
      running = undefined;
    }
  };
  // Other cells before it would run with what the first has not finished: only the next in line counts
  globalThis[ASKED_AGAIN] = () => running !== undefined && waiting[0]?.code === running.code;
}

module.exports = { mendAgain };
