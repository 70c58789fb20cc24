import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf } from "./run.mjs";

const KERNEL_FOLDER = ".venv/share/jupyter/kernels/typescript";

/** The TypeScript kernel: tslab, started in the project's root by this very Node, with our preload. */
export const kernelStep = {
  title: "TypeScript kernel",
  stampFile: ".venv/.setup/kernel",
  fingerprint: (root) => fingerprintOf([join(root, "scripts/setup/kernel.mjs")], process.execPath, root),
  isWhole: (root) => existsSync(join(root, KERNEL_FOLDER, "kernel.json")),
  run(root) {
    mkdirSync(join(root, KERNEL_FOLDER), { recursive: true });
    const kernel = {
      argv: [process.execPath, join(root, "node_modules/tslab/bin/tslab"), "kernel", "--config-path={connection_file}"],
      display_name: "TypeScript",
      language: "typescript",
    };
    writeFileSync(join(root, KERNEL_FOLDER, "kernel.json"), `${JSON.stringify(kernel, null, 2)}\n`);
  },
};
