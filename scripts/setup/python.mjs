import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { hasNvidiaGpu } from "./machine.mjs";
import { fingerprintOf, run } from "./run.mjs";

const TENSORFLOW_VERSION = "2.21.0";

/** The wheel that carries libtensorflow: the CUDA one where an NVIDIA GPU answers. */
function tensorflowRequirement() {
  return hasNvidiaGpu()
    ? `tensorflow[and-cuda]==${TENSORFLOW_VERSION}`
    : `tensorflow-cpu==${TENSORFLOW_VERSION}`;
}

/** The Python environment: JupyterLab, nbclient, the plotly renderer, TensorFlow's libraries. */
export const pythonStep = {
  title: "Python environment (JupyterLab, TensorFlow's libraries)",
  stampFile: ".venv/.setup/python",
  fingerprint: (root) => fingerprintOf([join(root, "requirements.txt")], tensorflowRequirement(), root),
  isWhole: (root) => tensorflowFolder(root) !== undefined && findsPackages(root),
  async run(root) {
    const next =
      "look at pip's message above (is the Python registry reachable? is the disk full?), then: npm run setup";
    await run("python3", ["-m", "venv", "--clear", ".venv"], {
      cwd: root,
      next: "sudo apt-get install python3-venv",
    });
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await run(".venv/bin/python", [...install, "-r", "requirements.txt", tensorflowRequirement()], {
      cwd: root,
      next,
    });
  },
};

const FINDS_PACKAGES =
  "import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, ['jupyterlab', 'nbclient'])))";

/** Whether the environment's Python is there and is still the one that its packages were installed for. */
function findsPackages(root) {
  return spawnSync(join(root, ".venv/bin/python"), ["-c", FINDS_PACKAGES]).status === 0;
}

/** The wheel's folder, or undefined where it is not installed. */
export function tensorflowFolder(root) {
  const lib = join(root, ".venv/lib");
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((python) => join(lib, python, "site-packages/tensorflow"))
    .find((folder) => existsSync(join(folder, "libtensorflow_cc.so.2")));
}
