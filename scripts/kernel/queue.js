// Queue of cells: one runs, the others wait. If a cell fails, the waiting ones are aborted if it asked for that.

const CELLS = Symbol.for("guie.cells");

/** True in a headless run (scripts/notebooks.mjs): no cell runs after a failed one. */
const STOP_FOR_EVER = Boolean(process.env.GUIE_STOP_AFTER_ERROR);

/** Waits until the event loop has read all earlier messages. */
const nextTurn = () => new Promise((done) => setImmediate(() => setTimeout(done)));

/** Runs cells one after the other. */
class CellQueue {
  /** Waiting cells as { request, run, resolve, reject }, without the running one. */
  #waiting = [];
  #running;
  #arrived = 0;
  #stopped = false;

  constructor() {
    // lib/notebook/views/next_cell.ts checks whether the next cell only repeats the running one's output
    globalThis[CELLS] = () => ({ running: this.#running?.code, next: this.#waiting[0]?.request.code });
  }

  /**
   * Runs a cell when its turn comes.
   * @param run - resolves with the reply's content
   * @returns the reply's content; {"status": "aborted"} for a cell that is not run
   */
  add(request, run) {
    this.#arrived++;
    if (this.#stopped) return Promise.resolve({ status: "aborted" });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, run, resolve, reject });
      if (!this.#running) void this.#runAll();
    });
  }

  async #runAll() {
    for (let cell = this.#waiting.shift(); cell; cell = this.#waiting.shift()) {
      this.#running = cell.request;
      try {
        const content = await cell.run();
        if (content.status === "error") await this.#stopAfter(cell.request);
        cell.resolve(content);
      } catch (error) {
        cell.reject(error);
      }
      this.#running = undefined;
    }
  }

  /** Aborts the cells that were sent before the failure; some may not have been read yet. */
  async #stopAfter({ stop_on_error = true }) {
    if (!stop_on_error && !STOP_FOR_EVER) return;
    for (let seen = -1; seen !== this.#arrived; ) {
      seen = this.#arrived;
      await nextTurn();
    }
    this.#stopped = STOP_FOR_EVER;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ status: "aborted" });
  }
}

module.exports = { CellQueue };
