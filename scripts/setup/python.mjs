// Set-up step: makes the Python environment with JupyterLab and TensorFlow's libraries.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { tensorflowWheel } from "./machine.mjs";
import { fingerprintOf, run } from "./run.mjs";

const TENSORFLOW_VERSION = "2.21.0";

/** Oldest Python version of the lock files. */
export const OLDEST_PYTHON = "3.10";

/** Per kind of machine: the wheel with libtensorflow, and the lock file with versions and hashes of all packages. */
export const LOCKS = {
  cpu: { tensorflow: `tensorflow-cpu==${TENSORFLOW_VERSION}`, file: "scripts/setup/python/cpu.lock" },
  cuda: { tensorflow: `tensorflow[and-cuda]==${TENSORFLOW_VERSION}`, file: "scripts/setup/python/cuda.lock" },
};

/** Returns the lock file for this machine's wheel. */
function lockFile() {
  return LOCKS[tensorflowWheel()].file;
}

/** The step that makes the Python environment: JupyterLab, nbclient, the plotly renderer, TensorFlow's libraries. */
export const pythonStep = {
  title: "Python environment (JupyterLab, TensorFlow's libraries)",
  stampFile: ".venv/.setup/python",
  fingerprint: (root) => fingerprintOf([join(root, lockFile())], root),
  isWhole: (root) => tensorflowFolder(root) !== undefined && findsPackages(root),
  async run(root) {
    const next =
      "look at pip's message above (is the Python registry reachable? is the disk full?), then: npm run setup";
    await run("python3", ["-m", "venv", "--clear", ".venv"], {
      cwd: root,
      next: "sudo apt-get install python3-venv",
    });
    // The lock file is complete: pip resolves nothing else, and accepts no file with another hash
    const exactly = ["--require-hashes", "--no-deps", "-r", lockFile()];
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...exactly];
    await run(".venv/bin/python", install, {
      cwd: root,
      next,
    });
  },
};

const FINDS_PACKAGES =
  "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, ['jupyterlab', 'nbclient'])))";

/** Returns true if the environment's Python exists and is the one that its packages were installed for. */
function findsPackages(root) {
  return spawnSync(join(root, ".venv/bin/python"), ["-c", FINDS_PACKAGES]).status === 0;
}

/** Returns the wheel's folder; undefined if it is not installed. */
export function tensorflowFolder(root) {
  const lib = join(root, ".venv/lib");
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((python) => join(lib, python, "site-packages/tensorflow"))
    .find((folder) => existsSync(join(folder, "libtensorflow_cc.so.2")));
}
