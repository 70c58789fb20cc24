// The cells in line: one runs, the others wait. What waits when a cell fails is not run, if that cell asked for it.

const CELLS = Symbol.for("guie.cells");

/** In a headless run (scripts/notebooks.mjs) nothing runs after a failed cell, whatever was asked. */
const STOP_FOR_EVER = Boolean(process.env.GUIE_STOP_AFTER_ERROR);

/** Lets the event loop read what had come before this moment. */
const turn = () => new Promise((done) => setImmediate(() => setTimeout(done)));

class CellQueue {
  /** Cells in line as { request, run, abort }; the one that runs is not among them. */
  #waiting = [];
  #running;
  #arrived = 0;
  #stopped = false;

  constructor() {
    // lib/notebook/views/next_cell.ts asks whether the next cell only shows once more what the running one shows
    globalThis[CELLS] = () => ({ running: this.#running?.code, next: this.#waiting[0]?.request.code });
  }

  /**
   * Runs a cell when its turn comes.
   * @param run - resolves with the reply's content
   * @returns the reply's content, {"status": "aborted"} for a cell that is not run
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

  /** Aborts what was in line when the cell failed: of what was sent by then, some may not have been read yet. */
  async #stopAfter({ stop_on_error = true }) {
    if (!stop_on_error && !STOP_FOR_EVER) return;
    for (let seen = -1; seen !== this.#arrived; ) {
      seen = this.#arrived;
      await turn();
    }
    this.#stopped = STOP_FOR_EVER;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ status: "aborted" });
  }
}

module.exports = { CellQueue };
