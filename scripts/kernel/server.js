// Answers Jupyter's messages by their type: tslab supports only some, partly under other names.
const { writeSync } = require("node:fs");
const { format } = require("node:util");
const ts = require("@tslab/typescript-for-tslab");
const jupyter = require("tslab/dist/jupyter");
const { getVersion } = require("tslab/dist/util");
const { comms } = require("./comms");
const { errorOf, publishErrors } = require("./errors");
const { History } = require("./history");
const { PROTOCOL_VERSION, readMessage, writeMessage } = require("./messages");
const { CellQueue } = require("./queue");
const { openInput, readAnswers } = require("./stdin");

/** Marks the value of the cell's last line among its displays. */
const RESULT = Symbol("result");
const EXIT_AFTER_MS = 1_000;

const queue = new CellQueue();
const history = new History();

/** Content of replies without { status: "ok" }, by type of request. `this` is tslab's server. */
const REPLIES = {
  kernel_info_request() {
    const info = this.handler.handleKernel();
    const language = { ...info.language_info, version: ts.version };
    const versions = { protocol_version: PROTOCOL_VERSION, implementation_version: getVersion() };
    return { ...info, ...versions, language_info: language };
  },
  is_complete_request({ content }) {
    return this.handler.handleIsComplete(content);
  },
  inspect_request({ content }) {
    return this.handler.handleInspect(content);
  },
  complete_request({ content }) {
    return this.handler.handleComplete(content);
  },
  history_request: ({ content }) => history.answer(content),
  comm_info_request: ({ content }) => comms.info(content),
  interrupt_request() {
    process.emit("SIGINT");
    return {};
  },
  shutdown_request(message) {
    comms.closeAll(publisher(this, message));
    // after this answer, and despite anything that a cell has left open
    setImmediate(() => this.close());
    setTimeout(() => process.exit(0), EXIT_AFTER_MS).unref();
    return { restart: message.content.restart ?? false };
  },
  execute_request(message) {
    return queue.add(message.content, () => execute(this, message));
  },
};

/** Handlers of messages without a reply. */
const NOTICES = {
  comm_open: (message, publish) => comms.receive(message, publish),
  comm_msg: (message, publish) => comms.receive(message, publish),
  comm_close: (message, publish) => comms.receive(message, publish),
};

/** Publishes messages of the cell that runs; undefined between cells. */
let publishOfRunning;

/** Runs one cell; its outputs are sent as they come. */
async function execute(server, message) {
  const { handler } = server;
  const { code, silent = false, store_history = true, allow_stdin = false } = message.content;
  const publish = publisher(server, message);
  publishOfRunning = publish;
  const counts = store_history && !silent;
  const count = handler.execCount + (counts ? 1 : 0);
  if (!silent) publish("execute_input", { code, execution_count: count });
  if (counts) history.add(count, code);
  const display = (data, kind) => {
    if (kind !== RESULT) publish(kind ? "update_display_data" : "display_data", data);
    else if (!silent) publish("execute_result", { ...data, execution_count: count });
  };
  const write = (name, text) => publish("stream", { name, text });
  const { cellId: id, deletedCells } = message.metadata;
  comms.beginCell({ id, takesInput: allow_stdin, publish, write, display }, deletedCells);
  const closeInput = openInput(server, message);
  let status = "ok";
  try {
    await handler.handleExecuteImpl(message.content, write, display);
  } catch {
    status = "error"; // the error has been reported
  } finally {
    closeInput();
    handler.execCount = count;
    publishOfRunning = undefined;
  }
  const error = publishErrors(message.content, status, publish);
  return { status, execution_count: count, user_expressions: {}, payload: [], ...error };
}

/** Shows the value of a cell's last line. */
function showResult(value) {
  jupyter.lastWriteDisplayData({ data: { "text/plain": format(value) }, metadata: {} }, RESULT);
}

/** Returns a function that publishes messages of a request to all subscribers. */
function publisher(server, parent) {
  const { key } = server.connInfo;
  return (type, content, { metadata, buffers } = {}) =>
    server.iopub.send(writeMessage(key, { type, content, parent, metadata, buffers }));
}

async function replyTo(server, message) {
  try {
    return { status: "ok", ...(await REPLIES[message.header.msg_type].call(server, message)) };
  } catch (error) {
    return { status: "error", ...errorOf([error]) };
  }
}

/** Handles a message of the shell or control channel. */
async function handleShellMessage(socket, ...frames) {
  const { key } = this.connInfo;
  const message = readMessage(key, frames);
  if (!message) return;
  const type = message.header.msg_type;
  const publish = publisher(this, message);
  publish("status", { execution_state: "busy" });
  if (REPLIES[type]) {
    const content = await replyTo(this, message);
    const reply = { type: type.replace(/_request$/, "_reply"), content, parent: message };
    socket.send(writeMessage(key, { ...reply, identity: message.identity }));
  } else if (NOTICES[type]) NOTICES[type](message, publish);
  else writeSync(2, `TypeScript kernel: unknown message type "${type}"\n`);
  publish("status", { execution_state: "idle" });
  // Front ends show the last state: a moved control does not end a cell that awaits.
  publishOfRunning?.("status", { execution_state: "busy" });
}

/** Welcomes new subscribers, which miss nothing from then on (JEP 65). */
async function welcomeSubscribers(server) {
  const SUBSCRIBES = 1;
  for await (const [subscription] of server.iopub) {
    if (subscription[0] !== SUBSCRIBES) continue;
    const topic = subscription.subarray(1);
    const content = { subscription: topic.toString() };
    const identity = topic.length > 0 ? [topic] : [];
    server.iopub.send(writeMessage(server.connInfo.key, { type: "iopub_welcome", content, identity }));
  }
}

/** Patches tslab's server. */
function patchServer() {
  const { init } = jupyter.ZmqServer.prototype;
  jupyter.ZmqServer.prototype.handleShellMessage = handleShellMessage;
  jupyter.ZmqServer.prototype.init = async function () {
    await init.call(this);
    void welcomeSubscribers(this);
    readAnswers(this);
  };
}

module.exports = { patchServer, showResult };
