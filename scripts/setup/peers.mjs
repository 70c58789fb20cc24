// Python packages that no user needs, each kind in an environment of its own: peers of benchmarks, servers, validators.
import { join } from "node:path";
import { run, SetupError } from "./run.mjs";

/**
 * Installs packages from the Python registry. @param folder of the environment, below `root`
 * @param again the command to repeat after a failure
 */
export async function installPeers(root, folder, packages, again) {
  await run("python3", ["-m", "venv", folder], { cwd: root, next: "sudo apt-get install python3-venv" });
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  await run(join(root, folder, "bin/python"), [...install, ...packages], {
    cwd: root,
    next: `look at pip's message above (is the Python registry reachable?), then: ${again}`,
  });
}

/** Runs the steps of a set-up; prints a failure with what to do next, and sets the exit code. */
export async function reportFailure(name, steps) {
  try {
    await steps();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`\n${name} failed: ${error.message}\n  Next: ${error.next}`);
    process.exitCode = 1;
  }
}
