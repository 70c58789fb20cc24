// The main program of a rank's process; supervisor.ts starts, watches and ends it.
import koffi from "koffi";
import { messageOf, UserError } from "../../common/errors";
import { endingOf } from "../../common/files/exit_errors";
import { Interrupted } from "../../common/interrupt";
import { describeDevice, device } from "../../engine/native/device";
import { EngineError } from "../../engine/native/status";
import { startServer } from "../../engine/session/cluster";
import { PeerFailure } from "../ranks/peer_failure";
import { Ranks } from "../ranks/ranks";
import { train } from "../run";
import type { FromRank, ToRank } from "./rank_messages";
import { clusterOfTfConfig } from "./tf_config";

const BEAT_MS = 1000;
/** Time to send the last message before the process exits. */
const SENDING_MS = 200;
/** `prctl`'s PR_SET_PDEATHSIG: sets the signal to receive when the parent ends. */
const PARENT_DEATH_SIGNAL = 1;
const SIGKILL = 9;
/** TensorFlow's status codes after another process of the cluster is gone, or has given up. */
const PEER_CODES = ["UNAVAILABLE", "ABORTED", "CANCELLED", "DEADLINE_EXCEEDED"];

let ranks: Ranks | undefined;
let wantsStop = false;

function send(message: FromRank): void {
  process.send?.(message);
}

/** Makes this process end with its supervisor, however that ends. */
function endWithParent(): void {
  koffi.load("libc.so.6").func("int prctl(int, unsigned long)")(PARENT_DEATH_SIGNAL, SIGKILL);
  if (String(process.ppid) !== process.env.GUIE_SUPERVISOR) process.exit(1);
  process.on("disconnect", () => process.exit(1));
  // Ctrl-C reaches all processes of a terminal, but only the supervisor asks its ranks to stop, all together
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
}

async function begin({ folder, config }: Extract<ToRank, { kind: "begin" }>): Promise<void> {
  try {
    send({ kind: "device", line: describeDevice(device(config.gpus)) });
    const cluster = startServer(clusterOfTfConfig(process.env.TF_CONFIG!));
    ranks = new Ranks(cluster, config, (phase, step) => send({ kind: "phase", phase, step }));
    ranks.wantsStop = wantsStop;
    await train({ folder, config, ranks, onProgress: (report) => send({ kind: "progress", report }) });
    send({ kind: "ended", reason: "finished" });
  } catch (error) {
    if (error instanceof Interrupted) send({ kind: "ended", reason: "stopped" });
    else send({ kind: "failed", ...describeFailure(error) });
  }
}

function describeFailure(error: unknown): { as: "reported" | "died" | "peer"; cause: string } {
  const cause = messageOf(error);
  if (error instanceof PeerFailure) return { as: "peer", cause };
  if (error instanceof EngineError && PEER_CODES.includes(error.code)) {
    return { as: "peer", cause: `it lost the other ranks (${cause.split("\n")[0]})` };
  }
  if (error instanceof UserError) return { as: "reported", cause };
  return { as: "died", cause: endingOf("guie train (a rank)", error).message };
}

/** Reports an uncaught error, and ends the process. */
function endByError(error: unknown): void {
  send({ kind: "failed", ...describeFailure(error) });
  setTimeout(() => process.exit(1), SENDING_MS);
}

process.on("uncaughtException", endByError);
endWithParent();
setInterval(() => send({ kind: "beat" }), BEAT_MS);
process.on("message", (message: ToRank) => {
  if (message.kind === "begin") void begin(message);
  if (message.kind === "stop") {
    wantsStop = true;
    if (ranks) ranks.wantsStop = true;
  }
});
