// The processes of all nodes, seen from this machine.
import { readdirSync, readFileSync } from "node:fs";

/** Returns { pid, words, environment } of every process: its command line and its variables. */
export function processes() {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const [words, variables] = ["cmdline", "environ"].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0"),
      );
      const environment = Object.fromEntries(variables.map((entry) => entry.split(/=(.*)/s)));
      return [{ pid: Number(pid), words, environment }];
    } catch {
      return []; // the process has ended
    }
  });
}
