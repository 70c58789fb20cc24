// Finds libtensorflow in the Python environment and opens it by its real path.
import { closeSync, existsSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import util from "node:util";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";
import { messageOf, UserError } from "../../common/errors";
import { installPath } from "../../common/project";

/** The two shared libraries of TensorFlow's wheel, in the order in which they must be opened. */
const LIBRARY_NAMES = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"];

/** tfjs' own binding. Where it is missing, tfjs advises to build one that does not fit. */
const BINDING = ["node_modules", "@tensorflow", "tfjs-node-gpu", "lib", "napi-v8", "tfjs_binding.node"];

/** An opened shared library: `func(prototype)` gives one of its C functions. */
export type SharedLibrary = ReturnType<typeof koffi.load>;

let opened: SharedLibrary | undefined;

/**
 * The folder that holds TensorFlow's libraries: the one that the environment variable TENSORFLOW_FOLDER names, or
 * TensorFlow's wheel inside the project's Python environment.
 */
export function tensorflowFolder(): string {
  const { TENSORFLOW_FOLDER: named } = process.env;
  if (named && existsSync(join(named, LIBRARY_NAMES[1]!))) return named;
  if (named) {
    throw new UserError(
      `TENSORFLOW_FOLDER is ${named}: there is no ${LIBRARY_NAMES[1]}.`,
      "Unset it, or let it name the folder `tensorflow` of an unpacked wheel.",
    );
  }
  const lib = installPath(".venv", "lib");
  const pythons = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith("python3")) : [];
  for (const python of pythons) {
    const folder = join(lib, python, "site-packages", "tensorflow");
    if (existsSync(join(folder, LIBRARY_NAMES[1]!))) return folder;
  }
  throw new UserError(`Expected TensorFlow's wheel under ${lib}: it is not there.`, "npm run setup");
}

/**
 * Opens libtensorflow once per process and returns it; its C API is reached through `library.func(...)`.
 *
 * The libraries are opened by their real path, before tfjs-node-gpu is required, so that its binding uses
 * these very files and TensorFlow finds the NVIDIA libraries that lie beside them (it looks relative to the
 * path it was opened through).
 */
export function openTensorflow(): SharedLibrary {
  if (opened) return opened;
  prepareProcess();
  const folder = tensorflowFolder();
  if (!existsSync(installPath(...BINDING)))
    throw new UserError(
      `Expected TensorFlow's binding at ${installPath(...BINDING)}: it is not there.`,
      "npm run setup",
    );
  try {
    withoutStandardError(() => {
      for (const name of LIBRARY_NAMES) opened = openForGood(join(folder, name));
    });
  } catch (error) {
    throw new UserError(
      `TensorFlow could not be opened from ${folder}: ${messageOf(error)}.`,
      "npm run setup",
      {
        cause: error,
      },
    );
  }
  return opened!;
}

/** Flags of `dlopen`, from Linux's dlfcn.h. */
const RTLD_NOW = 0x2;
const RTLD_NOLOAD = 0x4;
const RTLD_NODELETE = 0x1000;

/** Opens a library that is never closed again: closing it when the process ends would crash in its own threads. */
function openForGood(path: string): SharedLibrary {
  const library = koffi.load(path, { global: true, lazy: true });
  koffi.load("libc.so.6").func("void *dlopen(const char *, int)")(
    path,
    RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE,
  );
  return library;
}

/**
 * Quiets TensorFlow's log, asks for GPU memory as it is needed, and gives tfjs what Node 23 took away. oneDNN is
 * asked for: TensorFlow itself chooses it only on CPUs with AVX-512 VNNI or newer, and it is the faster on others too.
 * Sessions have threads of their own: with one pool for all, whoever comes first fixes their number.
 */
function prepareProcess(): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "1";
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= "true";
  process.env.TF_OVERRIDE_GLOBAL_THREADPOOL ??= "1";
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
}

/**
 * Runs `action` with the process's standard error sent to /dev/null. While its libraries are opened, TensorFlow
 * writes a notice about oneDNN before it has read TF_CPP_MIN_LOG_LEVEL; failures come as exceptions all the same.
 */
function withoutStandardError(action: () => void): void {
  // in another thread the libraries are open already, and the standard error is everybody's
  if (process.env.TF_CPP_MIN_LOG_LEVEL === "0" || !isMainThread) {
    action();
    return;
  }
  const libc = koffi.load("libc.so.6");
  const duplicate = libc.func("int dup(int)");
  const duplicateOnto = libc.func("int dup2(int, int)");
  const close = libc.func("int close(int)");
  const kept = duplicate(2) as number;
  const nowhere = openSync("/dev/null", "w");
  try {
    duplicateOnto(nowhere, 2);
    action();
  } finally {
    duplicateOnto(kept, 2);
    close(kept);
    closeSync(nowhere);
  }
}
