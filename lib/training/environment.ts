import { execFileSync } from "node:child_process";
import { projectRoot } from "../common/project";
import { describeDevice } from "../tensorflow/device";

/** Where and with what a run was made. */
export function describeEnvironment(): Record<string, unknown> {
  let commit: string | undefined;
  try {
    commit = execFileSync("git", ["rev-parse", "HEAD"], {
      cwd: projectRoot(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    commit = undefined; // not a git checkout: nothing to name
  }
  return {
    device: describeDevice(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    commit,
  };
}
