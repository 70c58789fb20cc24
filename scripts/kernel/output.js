// Makes the output of cells complete and prompt.
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");
const zeromq = require("zeromq");
const { comms } = require("./comms");

const STREAM_PAUSE_MS = 20;

/**
 * Makes every send complete at once. zeromq.js allows 512 such sends in one synchronous stretch; the next waits for the
 * event loop, and further ones throw "Socket is busy writing". tslab awaits none of them, so lines and even the end of
 * a cell would be lost. Both kinds of socket never block; their queues are made unlimited.
 */
function sendAtOnce() {
  const unlimited = { sendTimeout: 0, sendHighWaterMark: 0 };
  // XPublisher reports new subscribers (server.js)
  const sockets = { Publisher: zeromq.XPublisher, Router: zeromq.Router };
  for (const [name, Socket] of Object.entries(sockets)) {
    zeromq[name] = class extends Socket {
      constructor(options) {
        super({ ...options, ...unlimited });
      }
    };
  }
}

/**
 * Joins output printed within 20 ms into one message: JupyterLab's server drops output above 1,000 messages a second,
 * and one message per line is slow to draw.
 * @returns `write` replaces tslab's writeStream; `flush` sends held output
 */
function joinedStream(writeStream) {
  let held = [];
  let sentAtMs = 0;
  const flush = () => {
    const texts = held;
    held = [];
    sentAtMs = performance.now();
    for (const { name, text } of texts) writeStream(name, text);
  };
  const write = (name, text) => {
    const last = held.at(-1);
    if (last?.name === name) last.text += text;
    else held.push({ name, text });
    if (performance.now() - sentAtMs >= STREAM_PAUSE_MS) flush();
    else if (held.length === 1 && !last) setImmediate(flush);
  };
  return { write, flush };
}

/** Patches the output of cells. What a comm's handler prints and shows goes to the cell that opened the comm. */
function patchOutput() {
  sendAtOnce();
  const execute = JupyterHandlerImpl.prototype.handleExecuteImpl;
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, writeStream, writeDisplayData) {
    const { write, flush } = joinedStream(writeStream);
    const writeHere = (...args) => (comms.handledCell()?.write ?? write)(...args);
    const display = (...args) => {
      const cell = comms.handledCell();
      if (cell) return cell.display(...args);
      flush();
      writeDisplayData(...args);
    };
    try {
      return await execute.call(this, request, writeHere, display);
    } finally {
      flush();
    }
  };
}

module.exports = { patchOutput };
