// Handles Interrupt (the stop button, SIGINT): ends the cell and keeps the kernel with its variables.
//
// - Synchronous code: Node itself stops it (tslab runs cells with breakOnSigint).
// - A long loop of lib, or one that awaits checkInterrupt(): it is asked to stop and throws Interrupted
//   (lib/common/interrupt.ts shares the AbortController).
// - Any other awaited work: after a grace period, or a second Interrupt, tslab leaves the cell. The work may continue
//   in the background.
const vm = require("node:vm");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");
const { placed } = require("./place");

/**
 * Global key of the AbortController that long loops of lib check (lib/common/interrupt.ts); shared by every copy of
 * lib.
 */
const CONTROLLER = Symbol.for("guie.interrupt");
const GRACE_MS = 3_000;

let cellsRunning = 0;
let graceTimer;

/** Clears an unhandled interrupt before every cell. */
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

/** Reinstalls the listeners of SIGINT after a cell's synchronous part. */
function renewListeners() {
  const listeners = process.rawListeners("SIGINT");
  process.removeAllListeners("SIGINT");
  for (const listener of listeners) process.on("SIGINT", listener);
}

/**
 * Keeps SIGINT armed after a cell: with breakOnSigint, Node removes the listeners of SIGINT and restores them at the
 * end. If the code has added a listener meanwhile, the signal is not armed again, and the next Interrupt would kill the
 * kernel.
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

/** Installs the kernel's handling of SIGINT. */
function patchInterrupt() {
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

module.exports = { patchInterrupt };
