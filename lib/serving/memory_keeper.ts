// Memory after large or hostile images: what C code and threads keep of it goes back to the system.
import { returnFreedMemory } from "../engine/native/native_memory";

/** Beyond the memory at the start: what the work under way takes, and what the C library and threads keep. */
const SLACK_BYTES = 300e6;
/** Pauses between looks while memory stays beyond its bound: doubled each time. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1_000, 8_000];

/** Brings a process that has grown back to within 300 MB of what it had at the start. */
export class MemoryKeeper {
  readonly #replaceThreads: () => void;
  readonly #boundBytes: number;
  readonly #firstPauseMs: number;
  #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param replaceThreads ends threads without work, with all that they keep, and starts others */
  constructor(replaceThreads: () => void, { slackBytes = SLACK_BYTES, firstPauseMs = FIRST_PAUSE_MS } = {}) {
    this.#replaceThreads = replaceThreads;
    this.#boundBytes = process.memoryUsage.rss() + slackBytes;
    this.#firstPauseMs = firstPauseMs;
    this.#pauseMs = firstPauseMs;
  }

  /** Looks at the memory after a piece of work; acts later, beside the work. */
  look(): void {
    if (this.#timer || this.#isClosed || process.memoryUsage.rss() <= this.#boundBytes) return;
    this.#timer = setTimeout(() => this.#tend(), this.#pauseMs).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #tend(): void {
    this.#timer = undefined;
    returnFreedMemory();
    if (process.memoryUsage.rss() <= this.#boundBytes) {
      this.#pauseMs = this.#firstPauseMs;
      return;
    }
    this.#replaceThreads();
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.look();
  }
}
