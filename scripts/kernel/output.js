// Output that is neither lost nor late.
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");
const zeromq = require("zeromq");

const STREAM_PAUSE_MS = 20;

/**
 * Makes every send complete at once. zeromq.js lets 512 sends do so in one synchronous stretch; the next waits for
 * the event loop, and any further one throws "Socket is busy writing". tslab awaits none of them, so lines and even
 * the end of a cell would vanish. Neither kind of socket ever blocks; the queue behind them is made unlimited.
 */
function sendAtOnce() {
  const unlimited = { sendTimeout: 0, sendHighWaterMark: 0 };
  // XPublisher: it tells who begins to listen (server.js)
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
 * Joins what is printed within 20 ms into one message: JupyterLab's server drops output above 1,000 messages a
 * second, and a message for each line is slow to draw.
 * @returns `write` takes the place of tslab's writeStream; `flush` sends what is held back
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

function mendOutput() {
  sendAtOnce();
  const execute = JupyterHandlerImpl.prototype.handleExecuteImpl;
  JupyterHandlerImpl.prototype.handleExecuteImpl = async function (request, writeStream, writeDisplayData) {
    const { write, flush } = joinedStream(writeStream);
    const display = (...args) => {
      flush();
      writeDisplayData(...args);
    };
    try {
      return await execute.call(this, request, write, display);
    } finally {
      flush();
    }
  };
}

module.exports = { mendOutput };
