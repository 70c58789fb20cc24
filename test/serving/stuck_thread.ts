// A substitute for the decoding thread: an upload that begins with 1 never finishes, one with 2 ends the thread.
import { serveTasks } from "guie/dist/common/parallel/serve_tasks";
import type { DecodeAnswer, DecodeJob } from "guie/dist/serving/decode_thread";

void serveTasks((job: DecodeJob): DecodeAnswer => {
  if ("path" in job) return { reason: job.path };
  const [kind] = job.upload;
  while (kind === 1); // for ever
  if (kind === 2) process.exit();
  return { bytes: job.upload as Uint8Array };
});
