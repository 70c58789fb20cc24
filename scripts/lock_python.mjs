// `npm run lock:python`: writes the exact versions and hashes of all Python packages, for Python 3.10 to 3.13, once for
// the CPU and once for CUDA. Run it after a change of requirements.txt or TensorFlow's version, and commit its output.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOCKS, OLDEST_PYTHON } from "./setup/python.mjs";
import { run, SetupError } from "./setup/run.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = ".cache/uv";
const UV = "uv==0.13.9";

/** Python sides of widgets, which anywidget wants: the TypeScript kernel speaks for itself (scripts/kernel/comms.js). */
const LEFT_OUT = ["ipywidgets", "psygnal", "widgetsnbextension"];

const HEAD = "# Made by `npm run lock:python` from requirements.txt: do not edit.\n";

/** Writes a lock file: versions and hashes of the requirements and all their dependencies. */
async function lock({ file, tensorflow }) {
  const wanted = join(root, FOLDER, "wanted.txt");
  writeFileSync(wanted, `${readFileSync(join(root, "requirements.txt"), "utf8")}${tensorflow}\n`);
  const options = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-annotate"];
  const without = LEFT_OUT.flatMap((name) => ["--no-emit-package", name]);
  const quiet = ["--no-emit-index-url", "--no-header", "--quiet"];
  await run(
    join(root, FOLDER, "bin/uv"),
    ["pip", "compile", ...options, ...without, ...quiet, wanted, "-o", `${wanted}.lock`],
    {
      cwd: root,
      next: "look at uv's message above: is the Python registry reachable? do the versions fit together?",
    },
  );
  const target = join(root, file);
  writeFileSync(`${target}.tmp`, HEAD + readFileSync(`${wanted}.lock`, "utf8"));
  renameSync(`${target}.tmp`, target);
  console.log(`lock: ${file}`);
}

try {
  await run("python3", ["-m", "venv", FOLDER], { cwd: root, next: "sudo apt-get install python3-venv" });
  await run(join(root, FOLDER, "bin/python"), ["-m", "pip", "install", "--quiet", UV], {
    cwd: root,
    next: "look at pip's message above: is the Python registry reachable?",
  });
  for (const one of Object.values(LOCKS)) await lock(one);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\nlock failed: ${error.message}\n  Next: ${error.next}`);
  process.exitCode = 1;
}
