// Bodies that hardly come: a client that sends a byte now and then would hold a place for as long as it likes.
import type { IncomingMessage } from "node:http";
import { Refusal } from "./refusal";

/** The slowest body that is waited for. */
export interface BodyRate {
  minBytesPerSecond: number;
  /** The rate must hold in every window of this length. */
  windowMs: number;
}

/**
 * Waits for a body's work unless the body comes too slowly; the watch ends with the body.
 * A body that was refused is watched too, and its connection is ended where it is slow.
 * @throws Refusal (408) for a slow body; what the work throws
 */
export function whileBodyComes<T>(request: IncomingMessage, rate: BodyRate, work: Promise<T>): Promise<T> {
  const { socket } = request;
  const leastBytes = (rate.minBytesPerSecond * rate.windowMs) / 1000;
  let before = socket.bytesRead;
  let isOver = false;
  return new Promise((resolve, reject) => {
    const look = () => {
      if (request.complete || socket.destroyed) return clearInterval(timer);
      const come = socket.bytesRead - before;
      before = socket.bytesRead;
      if (come >= leastBytes) return;
      clearInterval(timer);
      if (isOver) socket.destroy();
      reject(
        new Refusal(408, `the body comes too slowly: at least ${rate.minBytesPerSecond} bytes a second`),
      );
    };
    // What has come while the process was busy is read first.
    const timer = setInterval(() => setImmediate(look), rate.windowMs).unref();
    request.once("close", () => clearInterval(timer));
    work.then(resolve, reject).finally(() => {
      isOver = true;
    });
  });
}
