// The end of the service: a limited wait for requests in progress.
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { notice } from "../../common/notice";
import type { Admission } from "./admission";

/** Stops taking requests, waits up to `drainMs` for those under way, then drops the rest with a notice. */
export async function drain(app: FastifyInstance, admission: Admission, drainMs: number): Promise<void> {
  const timer = new AbortController();
  const closed = app.close().finally(() => timer.abort());
  const late = sleep(drainMs, "late", { signal: timer.signal }).catch(() => undefined);
  if ((await Promise.race([closed, late])) !== "late") return;
  const { underWay } = admission.load;
  const dropped =
    underWay === 1 ? "1 request that was under way is" : `${underWay} requests that were under way are`;
  notice(`guie serve: after ${drainMs / 1000} s, ${dropped} dropped; --drain-ms sets the time`);
  app.server.closeAllConnections();
  await closed;
}
