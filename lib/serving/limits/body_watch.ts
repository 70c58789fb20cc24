// Time limits on request bodies: a client that sends a byte now and then would hold a place for ever.
import type { IncomingMessage } from "node:http";
import { Refusal } from "./refusal";

/** The lowest accepted rate of a body. */
export interface BodyRate {
  minBytesPerSecond: number;
  /** Length of the windows; every one must reach the rate. */
  windowMs: number;
}

/**
 * Waits for the work on a body, but rejects if the body comes too slowly. A body that was refused is watched until its
 * end, too; if it is slow, its connection is ended.
 * @throws Refusal (408) for a slow body; the work's own errors
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
    // Bytes that came while the process was busy are read first.
    const timer = setInterval(() => setImmediate(look), rate.windowMs).unref();
    request.once("close", () => clearInterval(timer));
    work.then(resolve, reject).finally(() => {
      isOver = true;
    });
  });
}
