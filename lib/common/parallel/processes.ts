// Processes of this machine by their number.
import { readFileSync, readlinkSync } from "node:fs";

/** Tells whether a process of this number runs. An ended process that its parent has not noticed does not. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0) && statFields(pid)[0] !== "Z";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

/** Returns a process's start, in clock ticks since boot: tells a reused number apart. "" without process or /proc. */
export function processStart(pid: number): string {
  return statFields(pid)[19] ?? "";
}

/** Names this process's numbering of processes (a host has several with containers). "" without /proc. */
export function processNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** Returns the fields of /proc/PID/stat from the state on; none without process or /proc. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
