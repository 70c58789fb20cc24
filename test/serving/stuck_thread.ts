// A decoding thread's stand-in: an upload that begins with 1 is never finished, one that begins with 2 ends the thread.
import { parentPort } from "node:worker_threads";
import type { DecodeJob } from "guie/dist/serving/decode_thread";

parentPort!.on("message", (job: DecodeJob) => {
  if ("path" in job) return parentPort!.postMessage({ reason: job.path });
  const [kind] = job.upload;
  while (kind === 1); // for ever
  if (kind === 2) process.exit();
  return parentPort!.postMessage({ bytes: job.upload });
});
