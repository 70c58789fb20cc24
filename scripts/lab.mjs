// Starts JupyterLab for this machine only (loopback, with its token), in notebooks/, with the TypeScript kernel.
// Arguments after `npm run lab --` are passed on: npm run lab -- --port 9000 --no-browser
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";

guardScript("lab", { endsByInterrupt: false });

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const given = process.argv.slice(2);
const defaults = [
  "--ip=127.0.0.1",
  `--ServerApp.root_dir=${root}`,
  "--LabApp.default_url=/lab/tree/notebooks",
  // Jupyter starts as root only with this option; in a container the user usually is root.
  ...(process.getuid() === 0 ? ["--allow-root"] : []),
];
// Jupyter accepts each option once: a given option replaces the default.
const isGiven = (option) => given.some((argument) => argument.split("=")[0] === option.split("=")[0]);
const args = [...defaults.filter((option) => !isGiven(option)), ...given];
const lab = spawn(join(root, ".venv/bin/jupyter-lab"), args, { cwd: root, stdio: "inherit" });
// Ctrl-C also reaches JupyterLab, which asks before it stops: this process waits for it.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => lab.kill("SIGTERM"));
lab.on("error", (error) => {
  console.error(`JupyterLab could not be started: ${error.message}\n  Next: npm run setup`);
  process.exitCode = 1;
});
lab.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
