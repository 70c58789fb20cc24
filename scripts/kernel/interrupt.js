// Interrupt (the stop button, SIGINT) ends a cell and leaves the kernel alive with its variables.
//
// - Plain synchronous code: Node itself stops it (tslab runs cells with breakOnSigint).
// - A long loop of lib, or one that awaits checkInterrupt(): it is asked to stop and throws Interrupted
//   (lib/common/interrupt.ts shares the AbortController).
// - Anything else that is awaited: after a grace period, or when pressed again, the cell is left as tslab leaves it.
//   What it awaits may then go on in the background.
const vm = require("node:vm");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");
const { placed } = require("./place");

/** Where lib/common/interrupt.ts keeps the AbortController that its long loops heed; every copy of lib shares it. */
const CONTROLLER = Symbol.for("guie.interrupt");
const GRACE_MS = 3_000;

let cellsRunning = 0;
let graceTimer;

/** Clears an interrupt that nobody heeded, before every cell. */
function clearBeforeCells() {
  const execute = JupyterHandlerImpl.prototype.handleExecuteImpl;
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (...args) {
    globalThis[CONTROLLER] = undefined;
    cellsRunning++;
    try {
      return await execute.apply(this, args);
    } finally {
      cellsRunning--;
      clearTimeout(graceTimer);
      graceTimer = undefined;
    }
  };
}

/** Puts the listeners of SIGINT in again after a cell's synchronous part. */
function renewListeners() {
  const listeners = process.rawListeners("SIGINT");
  process.removeAllListeners("SIGINT");
  for (const listener of listeners) process.on("SIGINT", listener);
}

/**
 * While breakOnSigint is on, Node takes SIGINT's listeners away and returns them at the end. Where the code has
 * added a listener of its own meanwhile, the signal is not armed again: the next Interrupt would kill the kernel.
 */
function keepListenersArmed() {
  const run = vm.runInThisContext;
  vm.runInThisContext = (code, options) => {
    if (!options?.breakOnSigint) return run(code, options);
    try {
      // Node would put the failing line of the compiled cell before the error
      return run(placed(code), { ...options, filename: "cell.js", displayErrors: false });
    } finally {
      renewListeners();
    }
  };
}

function mendInterrupt() {
  clearBeforeCells();
  keepListenersArmed();
  const [leaveCell] = process.listeners("SIGINT");
  process.removeListener("SIGINT", leaveCell);
  process.on("SIGINT", () => {
    if (cellsRunning === 0) return;
    if (graceTimer) return leaveCell();
    globalThis[CONTROLLER] ??= new AbortController();
    globalThis[CONTROLLER].abort();
    graceTimer = setTimeout(leaveCell, GRACE_MS);
  });
}

module.exports = { mendInterrupt };
