// Set-up step: installs the kernelspec and JupyterLab's settings.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fingerprintOf } from "./run.mjs";

const KERNEL_FILE = ".venv/share/jupyter/kernels/typescript/kernel.json";
const SETTINGS_FILE = ".venv/share/jupyter/lab/settings/overrides.json";

/** Returns the kernel's specification: tslab with the patches of scripts/kernel/, on the Node that runs the set-up. */
function kernelSpecification(root) {
  return {
    argv: [
      process.execPath,
      "--enable-source-maps",
      join(root, "scripts/kernel/main.js"),
      "{connection_file}",
    ],
    display_name: "TypeScript",
    language: "typescript",
    interrupt_mode: "signal",
    env: { TF_CPP_MIN_LOG_LEVEL: "2", TF_FORCE_GPU_ALLOW_GROWTH: "true" },
  };
}

/** JupyterLab's settings: no question about news at the first start, no check for newer versions. */
const SETTINGS = {
  "@jupyterlab/apputils-extension:notification": { fetchNews: "false", checkForUpdates: false },
};

/** The step that registers the TypeScript kernel and JupyterLab's settings in the Python environment. */
export const kernelStep = {
  title: "TypeScript kernel",
  stampFile: ".venv/.setup/kernel",
  fingerprint: (root) => fingerprintOf([join(root, "scripts/setup/kernel.mjs")], process.execPath, root),
  isWhole: (root) => [KERNEL_FILE, SETTINGS_FILE].every((file) => existsSync(join(root, file))),
  run(root) {
    const contents = { [KERNEL_FILE]: kernelSpecification(root), [SETTINGS_FILE]: SETTINGS };
    for (const [file, content] of Object.entries(contents)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), `${JSON.stringify(content, null, 2)}\n`);
    }
  },
};
