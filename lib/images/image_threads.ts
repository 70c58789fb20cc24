// The threads that prepare images, for the whole process.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { messageOf, UserError } from "../common/errors";
import type { ImageAnswer, ImageJob, ImageMessage } from "./image_thread";
import { jpegDecoders } from "./jpeg_decoder";

/** Threads without work for so long end; the next image starts new ones within .1 s. */
const IDLE_MS = 10_000;

const threads: ImageThread[] = [];

/**
 * Has an image prepared by the thread with the least work; at most `limit` threads are started.
 * @param path of the image, for messages
 * @returns false for a file that the engine does not decode: its pixels have to be given
 * @throws UserError naming the path where the thread ends before the job is done
 */
export function prepareOnThread(job: ImageJob, path: string, limit: number): Promise<boolean> {
  const isIdle = threads.some(({ load }) => load === 0);
  if (!isIdle && threads.length < limit) threads.push(new ImageThread());
  return threads.reduce((best, thread) => (thread.load < best.load ? thread : best)).run(job, path);
}

interface Waiting {
  path: string;
  resolve(done: boolean): void;
  reject(error: Error): void;
}

/** One thread. It keeps the process alive only while it works. */
class ImageThread {
  readonly #worker = new Worker(join(__dirname, "image_thread.js"), { execArgv: [] });
  readonly #waiting = new Map<number, Waiting>();
  readonly #knownSizesPx = new Set<number>();
  readonly #idle = setTimeout(() => this.#rest(), IDLE_MS).unref();
  #jobs = 0;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", (answer: ImageAnswer) => this.#finish(answer));
    this.#worker.on("error", (error) => this.#end(messageOf(error)));
    this.#worker.on("exit", (code) => this.#end(`exit code ${code}`));
  }

  /** Jobs that it has not finished. */
  get load(): number {
    return this.#waiting.size;
  }

  run(job: ImageJob, path: string): Promise<boolean> {
    const message: ImageMessage = { ...job, number: ++this.#jobs };
    if (!this.#knownSizesPx.has(job.imageSizePx)) message.decoders = jpegDecoders(job.imageSizePx);
    this.#knownSizesPx.add(job.imageSizePx);
    return new Promise((resolve, reject) => {
      this.#worker.ref();
      this.#waiting.set(message.number, { path, resolve, reject });
      this.#worker.postMessage(message);
    });
  }

  #finish({ number, done }: ImageAnswer): void {
    this.#waiting.get(number)?.resolve(done);
    this.#waiting.delete(number);
    this.#idle.refresh();
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #rest(): void {
    if (this.#waiting.size === 0) this.#end("it had no work");
    else this.#idle.refresh();
  }

  /** Makes room for another thread; what was not finished fails. */
  #end(reason: string): void {
    const place = threads.indexOf(this);
    if (place >= 0) threads.splice(place, 1);
    clearTimeout(this.#idle);
    void this.#worker.terminate();
    for (const { path, reject } of this.#waiting.values()) {
      const next = "Look at this image, then start again: a run goes on from its last checkpoint.";
      reject(new UserError(`${path}: the thread that prepares it ended: ${reason}.`, next));
    }
    this.#waiting.clear();
  }
}
