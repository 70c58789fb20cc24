// Return of memory to the system that C code and threads keep after large or hostile images.
import { returnFreedMemory } from "../engine/native/native_memory";

/** Allowed memory above that at the start: for work in progress, and for what the C library and threads keep. */
const SLACK_BYTES = 300e6;
/** Pauses between attempts while memory exceeds its bound: doubled each time. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1_000, 8_000];

/** Keeps the process within 300 MB of its memory at the start. */
export class MemoryKeeper {
  readonly #replaceThreads: () => void;
  readonly #boundBytes: number;
  readonly #firstPauseMs: number;
  #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param replaceThreads replaces idle threads, which frees all that they keep */
  constructor(replaceThreads: () => void, { slackBytes = SLACK_BYTES, firstPauseMs = FIRST_PAUSE_MS } = {}) {
    this.#replaceThreads = replaceThreads;
    this.#boundBytes = process.memoryUsage.rss() + slackBytes;
    this.#firstPauseMs = firstPauseMs;
    this.#pauseMs = firstPauseMs;
  }

  /** Checks the memory after a piece of work, and schedules its return if there is too much. */
  check(): void {
    if (this.#timer || this.#isClosed || process.memoryUsage.rss() <= this.#boundBytes) return;
    this.#timer = setTimeout(() => this.#shrink(), this.#pauseMs).unref();
  }

  /** Stops all checks. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #shrink(): void {
    this.#timer = undefined;
    returnFreedMemory();
    if (process.memoryUsage.rss() <= this.#boundBytes) {
      this.#pauseMs = this.#firstPauseMs;
      return;
    }
    this.#replaceThreads();
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.check();
  }
}
