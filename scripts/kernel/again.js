// Which cell waits for the one that runs: what only shows something (watchRun) gives way to itself.
//
// A browser tab that was closed leaves its cell running, and its output goes nowhere. Whoever opens the notebook again
// and runs the cell would wait behind it. lib/notebook/again.ts asks whether that has happened.
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");

const CELLS = Symbol.for("guie.cells");

/** Cells in line, in their order; the one that runs is not among them. */
const waiting = [];
let running;

function remove(request) {
  const place = waiting.indexOf(request);
  if (place >= 0) waiting.splice(place, 1);
}

function mendAgain() {
  const { handleExecute, handleExecuteImpl } = JupyterHandlerImpl.prototype;
  JupyterHandlerImpl.prototype.handleExecute = async function (request, ...rest) {
    waiting.push(request);
    try {
      return await handleExecute.call(this, request, ...rest);
    } finally {
      remove(request); // one that was cancelled is still there
    }
  };
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, ...rest) {
    remove(request);
    running = request;
    try {
      return await handleExecuteImpl.call(this, request, ...rest);
    } finally {
      running = undefined;
    }
  };
  // Other cells before it would run with what the first has not finished: only the next in line counts
  globalThis[CELLS] = () => ({ running: running?.code, next: waiting[0]?.code });
}

module.exports = { mendAgain };
