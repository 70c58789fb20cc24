// Processes of this machine, by their number.
import { readFileSync, readlinkSync } from "node:fs";

/** Whether a process of this number runs. One that has ended and waits for its parent to notice does not. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0) && statFields(pid)[0] !== "Z";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

/** When a process began, in clock ticks since boot: tells a reused number apart. "" where there is none, or no /proc. */
export function processStart(pid: number): string {
  return statFields(pid)[19] ?? "";
}

/** Tells apart numberings of processes on one host (containers). "" where there is no /proc. */
export function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** The fields of /proc/PID/stat from the state on; none where there is no such process, or no /proc. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
