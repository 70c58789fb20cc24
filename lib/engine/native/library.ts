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

/** Path of tfjs's binding. If it is missing, tfjs's own error suggests building one that does not fit. */
const BINDING = ["node_modules", "@tensorflow", "tfjs-node-gpu", "lib", "napi-v8", "tfjs_binding.node"];

/** An opened shared library: `func(prototype)` returns one of its C functions. */
export type SharedLibrary = ReturnType<typeof koffi.load>;

let opened: SharedLibrary | undefined;

/**
 * Returns the folder of TensorFlow's libraries: the environment variable TENSORFLOW_FOLDER, or TensorFlow's wheel in
 * the project's Python environment.
 * @throws UserError where it holds no libraries
 */
export function tensorflowFolder(): string {
  const { TENSORFLOW_FOLDER: named } = process.env;
  if (named && existsSync(join(named, LIBRARY_NAMES[1]!))) return named;
  if (named) {
    throw new UserError(
      `TENSORFLOW_FOLDER is ${named}: there is no ${LIBRARY_NAMES[1]}.`,
      "Unset it, or set it to the folder `tensorflow` of an unpacked wheel.",
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
 * Opens libtensorflow once per process and returns it; `library.func(...)` binds its C functions.
 *
 * It opens the libraries by their real path, before tfjs-node-gpu is required. So the binding uses the same files, and
 * TensorFlow finds the NVIDIA libraries next to them: it searches relative to the path it was opened through.
 * @throws UserError where TensorFlow or tfjs's binding is missing or cannot be opened
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

/** Opens a library for good: closing it when the process ends would crash the library's threads. */
function openForGood(path: string): SharedLibrary {
  const library = koffi.load(path, { global: true, lazy: true });
  koffi.load("libc.so.6").func("void *dlopen(const char *, int)")(
    path,
    RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE,
  );
  return library;
}

/**
 * Sets the defaults of this process: a silent TensorFlow log, GPU memory on demand, oneDNN, a thread pool per session,
 * and for tfjs the functions of `util` that Node 23 removed. TensorFlow enables oneDNN only on CPUs with AVX-512 VNNI
 * or newer, but it is faster on others too. With one pool for all, the first session would fix the number of threads.
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
 * Runs `action` with the process's standard error sent to /dev/null: when its libraries are opened, TensorFlow writes
 * a notice about oneDNN before it reads TF_CPP_MIN_LOG_LEVEL. Failures still arrive as exceptions.
 */
function withoutStandardError(action: () => void): void {
  // in a worker thread the libraries are open already, and all threads share the standard error
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
