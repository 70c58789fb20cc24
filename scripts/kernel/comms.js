// Comms: channels between the code of a cell and the page, on which Jupyter's widgets talk. lib/notebook/widgets/comm.ts
// opens them. A comm belongs to the cell that opened it, and is closed before that cell runs again.
const { AsyncLocalStorage } = require("node:async_hooks");
const { randomUUID } = require("node:crypto");
const { errorOf } = require("./errors");

/** Global key of what this file offers to lib. */
const COMMS = Symbol.for("guie.comms");

/**
 * Publishes a message to all front ends, as an answer to one request.
 * @typedef {(type: string, content: object, more?: { metadata?: object, buffers?: readonly Uint8Array[] }) => void} Publish
 */

/**
 * A cell that was run.
 * @typedef {object} Cell
 * @property {string | undefined} id JupyterLab's id of the cell; undefined in front ends that send none
 * @property {boolean} takesInput true if a person is there who could move a control; false in headless runs
 * @property {Publish} publish
 * @property {(name: string, text: string) => void} write prints to the cell's output
 * @property {(data: object, kind?: unknown) => void} display shows something in the cell's output
 */

/**
 * What a comm calls.
 * @typedef {object} Handlers
 * @property {(data: any, buffers: Uint8Array[]) => unknown} [onMessage]
 * @property {() => unknown} [onClose] called if either side closes it
 */

/**
 * One end of a comm.
 * @typedef {object} Comm
 * @property {string} id
 * @property {(data: object, buffers?: readonly Uint8Array[]) => void} send
 * @property {() => void} close
 */

/** @typedef {{ target: string, cell: Cell, comm: Comm } & Handlers} Opened */

/** All open comms of the kernel. */
class Comms {
  /** @type {Map<string, Opened>} by the comm's id */
  #opened = new Map();
  /** @type {Map<string, (comm: Comm) => Handlers>} by name: answers a comm that a front end opens */
  #targets = new Map();
  /** @type {AsyncLocalStorage<{ cell: Cell, publish: Publish }>} the handler that runs, and all that it awaits */
  #handling = new AsyncLocalStorage();
  /** @type {Cell | undefined} the last cell that began to run */
  #cell;

  /** Returns the cell of the handler that calls this, even while another cell runs; undefined outside handlers. */
  handledCell() {
    return this.#handling.getStore()?.cell;
  }

  /**
   * Closes the comms that this cell opened when it ran before, and those of deleted cells.
   * @param {Cell} cell the cell that begins to run
   * @param {readonly string[]} deleted ids of cells deleted since the last one ran
   */
  beginCell(cell, deleted = []) {
    this.#cell = cell;
    const ended = new Set([cell.id, ...deleted].filter((id) => id !== undefined));
    const isEnded = ({ cell: { id } }) => ended.has(id);
    for (const [id] of [...this.#opened].filter(([, opened]) => isEnded(opened)))
      this.#close(id, cell.publish);
  }

  /** Closes all comms: the kernel ends. */
  closeAll(/** @type {Publish} */ publish) {
    for (const id of [...this.#opened.keys()]) this.#close(id, publish);
  }

  /** Answers comm_info_request: the open comms, of one target if it names one. */
  info({ target_name: target }) {
    const all = [...this.#opened].filter(([, opened]) => !target || opened.target === target);
    return { comms: Object.fromEntries(all.map(([id, opened]) => [id, { target_name: opened.target }])) };
  }

  /** Handles comm_open, comm_msg and comm_close of a front end. An unknown comm is ignored, as in other kernels. */
  receive({ header, content, buffers }, /** @type {Publish} */ publish) {
    const { comm_id: id, data, target_name: target } = content;
    if (header.msg_type === "comm_open") return this.#accept(id, target, publish);
    const opened = this.#opened.get(id);
    if (!opened) return undefined;
    if (header.msg_type === "comm_msg")
      return this.#handle(opened, publish, () => opened.onMessage?.(data, buffers));
    this.#opened.delete(id);
    return this.#handle(opened, publish, () => opened.onClose?.());
  }

  /**
   * Opens a comm of the running cell, or of the cell whose handler calls this.
   * @param {{ target: string, data: object, metadata?: object, buffers?: readonly Uint8Array[] } & Handlers} options
   * @returns {Comm}
   */
  open({ target, data, metadata, buffers, ...handlers }) {
    const id = randomUUID();
    const cell = this.handledCell() ?? this.#cell;
    const comm = this.#keep(id, target, cell, handlers);
    this.#publishOf(cell)("comm_open", { comm_id: id, target_name: target, data }, { metadata, buffers });
    return comm;
  }

  /** Answers comms that front ends open to `target` with what `accept` returns for them. */
  listen(/** @type {string} */ target, /** @type {(comm: Comm) => Handlers} */ accept) {
    this.#targets.set(target, accept);
  }

  /** Returns whether somebody can move a control of the running cell. */
  takesInput() {
    return (this.handledCell() ?? this.#cell)?.takesInput ?? false;
  }

  #accept(id, target, publish) {
    const accept = this.#targets.get(target);
    if (!accept) return publish("comm_close", { comm_id: id, data: {} });
    const comm = this.#keep(id, target, { publish }, {});
    Object.assign(this.#opened.get(id), accept(comm));
  }

  #keep(id, target, cell, handlers) {
    const publish = (...message) => this.#publishOf(cell)(...message);
    const comm = {
      id,
      send: (data, buffers) => {
        if (this.#opened.has(id)) publish("comm_msg", { comm_id: id, data }, { buffers });
      },
      close: () => this.#close(id, publish),
    };
    this.#opened.set(id, { target, cell, comm, ...handlers });
    return comm;
  }

  #close(id, publish) {
    const opened = this.#opened.get(id);
    if (!opened) return;
    this.#opened.delete(id);
    publish("comm_close", { comm_id: id, data: {} });
    this.#handle(opened, publish, () => opened.onClose?.());
  }

  /** Front ends match an echo by the message that it answers: what a handler sends answers the message it handles. */
  #publishOf(cell) {
    return this.#handling.getStore()?.publish ?? cell.publish;
  }

  /** Runs a handler; its errors, also later ones, are shown in the output of the comm's cell. */
  #handle({ cell }, publish, handler) {
    const fail = (error) => cell.publish("error", errorOf([error]));
    this.#handling.run({ cell, publish }, () => {
      try {
        Promise.resolve(handler()).catch(fail);
      } catch (error) {
        fail(error);
      }
    });
  }
}

const comms = new Comms();

/** Offers comms to lib. */
function offerComms() {
  globalThis[COMMS] = {
    open: (options) => comms.open(options),
    listen: (target, accept) => comms.listen(target, accept),
    takesInput: () => comms.takesInput(),
    describe: (error) => errorOf([error]).traceback.join("\n"),
  };
}

module.exports = { comms, offerComms };
