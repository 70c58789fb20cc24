// Set-up step: checks the requirements on the machine.
import { spawnSync } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./run.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** Disk space of the packages and the Python environment. */
const SETUP_GB = 3.5;

const PYTHONS = /^Python 3\.1[0-3]\./;

/** This machine, to be checked against the requirements; tests pass another one. */
const THIS_MACHINE = {
  node: process.versions.node,
  platform: process.platform,
  arch: process.arch,
  glibc: process.report.getReport().header.glibcVersionRuntime,
};

/** Advice for systems without TensorFlow wheels. */
const ELSEWHERE = {
  darwin: "docker build -t guie . (the project's Linux container: docs/start/docker.md)",
  win32: "wsl --install, then clone the project there; or: docker build -t guie . (docs/start/docker.md)",
};

/** Requirements before anything can be installed, each with its check and its remedy. */
const NEEDS = [
  {
    what: "Node.js 20.19 or newer",
    found: ({ node }) => `v${node}`,
    ok: ({ node }) => versionAtLeast(node, [20, 19]),
    next: () => "install a current Node.js, for example with nvm: nvm install 22",
  },
  {
    what: "Linux on x64 or arm64 (TensorFlow's wheels with libtensorflow_cc.so.2)",
    found: ({ platform, arch }) => `${platform} ${arch}`,
    ok: ({ platform, arch }) => platform === "linux" && ["x64", "arm64"].includes(arch),
    next: ({ platform }) => ELSEWHERE[platform] ?? "use a Linux machine with x64 or arm64",
  },
  {
    what: "glibc (TensorFlow's wheels are built for it)",
    found: () => "another C library, such as Alpine's musl",
    ok: ({ glibc }) => glibc !== undefined,
    next: () =>
      "use Debian, Ubuntu or Fedora, or a container of Debian: docker build -t guie . (docs/start/docker.md)",
  },
  {
    what: "Python 3.10 to 3.13 as python3 (TensorFlow has wheels for these)",
    found: () => output("python3", ["--version"]) || "none",
    ok: () => PYTHONS.test(output("python3", ["--version"])),
    next: () =>
      "sudo apt-get install python3 python3-venv, or pyenv install 3.13, and put that one first in PATH",
  },
  {
    what: "Python's venv with pip",
    found: () => "python3 -c 'import venv, ensurepip' fails",
    ok: () => spawnSync("python3", ["-c", "import venv, ensurepip"]).status === 0,
    next: () => "sudo apt-get install python3-venv",
  },
  {
    what: "npm",
    found: () => "none",
    ok: () => output("npm", ["--version"]) !== "",
    next: () => "sudo apt-get install npm, or install Node.js together with its npm",
  },
  {
    what: "a C++ compiler as c++",
    found: () => "none",
    ok: () => spawnSync("c++", ["--version"]).status === 0,
    next: () => "sudo apt-get install g++",
  },
  {
    what: `${SETUP_GB} GB of disk for the first set-up`,
    found: () => `${(freeBytes() / 1e9).toFixed(1)} GB free in ${root}`,
    ok: () => existsSync(join(root, "node_modules")) || freeBytes() > SETUP_GB * 1e9,
    next: () => "make room, or clone into a folder on a larger disk",
  },
];

/**
 * Checks the requirements.
 * @throws SetupError naming the first missing one and the command that installs it
 */
export function checkMachine(machine = THIS_MACHINE) {
  for (const need of NEEDS) {
    if (need.ok(machine)) continue;
    throw new SetupError(`needed: ${need.what}; found: ${need.found(machine)}`, need.next(machine));
  }
}

function freeBytes() {
  const { bavail, bsize } = statfsSync(root);
  return bavail * bsize;
}

const WHEELS = ["cpu", "cuda"];

/**
 * Returns the TensorFlow wheel for this machine: CUDA's if an NVIDIA GPU with a working driver answers. GUIE_TENSORFLOW
 * overrides this where no GPU can be queried, as during the build of a container image.
 * @throws SetupError for another value of GUIE_TENSORFLOW
 */
export function tensorflowWheel(env = process.env) {
  const { GUIE_TENSORFLOW: named } = env;
  if (!named) return spawnSync("nvidia-smi", ["-L"], { env }).status === 0 ? "cuda" : "cpu";
  if (WHEELS.includes(named)) return named;
  throw new SetupError(
    `GUIE_TENSORFLOW is "${named}"; it names one of TensorFlow's wheels: ${WHEELS.join(", ")}`,
    "unset GUIE_TENSORFLOW (nvidia-smi is asked then), or set it to one of these, then: npm run setup",
  );
}

function output(command, args) {
  return spawnSync(command, args, { encoding: "utf8" }).stdout?.trim() ?? "";
}

/** Returns true if a version such as "20.19.3" is [major, minor] or newer. */
export function versionAtLeast(version, [major, minor]) {
  const [a, b] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
