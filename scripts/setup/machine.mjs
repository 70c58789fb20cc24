import { spawnSync } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./run.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** What packages and Python environment take. */
const SETUP_GB = 3.5;

const PYTHONS = /^Python 3\.1[0-3]\./;

/** What must be on the machine before anything can be installed: each with its check and its mend. */
const NEEDS = [
  {
    what: "Node.js 20.19 or newer",
    found: () => process.version,
    ok: () => versionAtLeast(process.versions.node, [20, 19]),
    next: "install a current Node.js, for example with nvm: nvm install 22",
  },
  {
    what: "Linux on x64 or arm64 (TensorFlow's wheels with libtensorflow_cc.so.2)",
    found: () => `${process.platform} ${process.arch}`,
    ok: () => process.platform === "linux" && ["x64", "arm64"].includes(process.arch),
    next: "use a Linux machine, WSL 2 on Windows, or a Linux container",
  },
  {
    what: "glibc (TensorFlow's wheels are built for it)",
    found: () => "another C library, such as Alpine's musl",
    ok: () => process.report.getReport().header.glibcVersionRuntime !== undefined,
    next: "use Debian, Ubuntu or Fedora, or a container of one of them, for example debian:13",
  },
  {
    what: "Python 3.10 to 3.13 as python3 (TensorFlow has wheels for these)",
    found: () => output("python3", ["--version"]) || "none",
    ok: () => PYTHONS.test(output("python3", ["--version"])),
    next: "sudo apt-get install python3 python3-venv, or pyenv install 3.13; the one that fits first in PATH",
  },
  {
    what: "Python's venv with pip",
    found: () => "python3 -c 'import venv, ensurepip' fails",
    ok: () => spawnSync("python3", ["-c", "import venv, ensurepip"]).status === 0,
    next: "sudo apt-get install python3-venv",
  },
  {
    what: "npm",
    found: () => "none",
    ok: () => output("npm", ["--version"]) !== "",
    next: "sudo apt-get install npm, or install Node.js together with its npm",
  },
  {
    what: "a C++ compiler as c++",
    found: () => "none",
    ok: () => spawnSync("c++", ["--version"]).status === 0,
    next: "sudo apt-get install g++",
  },
  {
    what: `${SETUP_GB} GB of disk for the first set-up`,
    found: () => `${(freeBytes() / 1e9).toFixed(1)} GB free in ${root}`,
    ok: () => existsSync(join(root, "node_modules")) || freeBytes() > SETUP_GB * 1e9,
    next: "make room, or clone into a folder on a larger disk",
  },
];

/** @throws SetupError naming the first thing that is missing and the command that installs it */
export function checkMachine() {
  for (const need of NEEDS) {
    if (!need.ok()) throw new SetupError(`needed: ${need.what}; found: ${need.found()}`, need.next);
  }
}

function freeBytes() {
  const { bavail, bsize } = statfsSync(root);
  return bavail * bsize;
}

/** Whether an NVIDIA GPU with a working driver is in this machine. */
export function hasNvidiaGpu() {
  return spawnSync("nvidia-smi", ["-L"]).status === 0;
}

function output(command, args) {
  return spawnSync(command, args, { encoding: "utf8" }).stdout?.trim() ?? "";
}

/** Whether a version such as "20.19.3" is [major, minor] or newer. */
export function versionAtLeast(version, [major, minor]) {
  const [a, b] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
