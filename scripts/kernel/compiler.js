// Adapts tslab's compiler to a workspace of several folders. tslab takes TypeScript's functions from the module; this
// file replaces them before tslab is loaded.
const { join, parse, relative } = require("node:path");
const MODULE = require.resolve("@tslab/typescript-for-tslab", { paths: [require.resolve("tslab")] });
const ts = require(MODULE);

/** Packages and declarations: many files that rarely change. */
const NOT_OWN = /\/node_modules\/|\.d\.[cm]?ts$/;

/** Folder in tslab's outputs for files outside the notebook's folder; tslab rejects paths above that folder. */
const OUTSIDE = "__outside__";

/**
 * Error code of "await expressions are only allowed ...": tslab assumes an await of the cell itself, and drops the
 * error.
 */
const NO_AWAIT_HERE = 1308;

const isOutside = (folder, file) => relative(folder, file).startsWith("..");

/** The program of the last cell. */
let current;
/** Output path -> path of its source. */
const sources = new Map();

/** Caches of module resolutions, one per compiler. */
const resolutionCaches = [];

/** Errors in own modules outside the notebook's folder, which tslab ignores. */
let outside = [];

/**
 * Allows several timers where tslab has one and throws at the second: watched files may change in any number and order
 * (npm install, a build) between two cells. All run before the next cell.
 */
function queueTimers(system) {
  const { setTimeout, clearTimeout } = system;
  const callbacks = new Map();
  let timer;
  const runAll = () => {
    for (const [handle, callback] of callbacks) {
      callbacks.delete(handle); // a callback may add another, which also runs
      callback();
    }
    timer = undefined;
  };
  system.setTimeout = (callback) => {
    const handle = {};
    callbacks.set(handle, callback);
    timer ??= setTimeout.call(system, runAll);
    return handle;
  };
  system.clearTimeout = (handle) => {
    if (!callbacks.delete(handle) || callbacks.size > 0 || timer === undefined) return;
    clearTimeout.call(system, timer);
    timer = undefined;
  };
}

/** Returns the program with outputs named relative to the notebook's folder, as tslab expects. */
function placeOutputs(builder, { root, folder, outDir }) {
  const named = (output) => {
    const file = join(root, output.slice(outDir.length + 1));
    return isOutside(folder, file) ? join(outDir, OUTSIDE, file) : join(outDir, relative(folder, file));
  };
  const emit = (file, write, ...rest) => {
    const writeNamed = (output, data, ...more) => {
      sources.set(join(root, output.slice(outDir.length + 1)), file.fileName);
      write(named(output), data, ...more);
    };
    return builder.emit(file, writeNamed, ...rest);
  };
  return Object.assign(Object.create(builder), { emit });
}

/**
 * Returns true if the source of an output imports, directly or indirectly, that of another output or one of `files`.
 */
function dependsOn(output, others, files) {
  const source = current.getSourceFile(sources.get(output));
  if (!source) return false;
  const changed = new Set([...files, ...[...others].map((other) => sources.get(other))]);
  return current.getAllDependencies(source).some((file) => changed.has(file));
}

/**
 * Resolves the imports of own files at every cell, without waiting for the system's file events: these can be late, and
 * are missing for folders outside the notebook's.
 */
function resolveEveryTime(host, options) {
  const cache = ts.createModuleResolutionCache(host.getCurrentDirectory(), (name) => name, options);
  resolutionCaches.push(cache);
  host.hasInvalidatedResolutions = (path) => !NOT_OWN.test(path);
  host.resolveModuleNameLiterals = (names, file, redirected, settings, source) =>
    names.map((name) => {
      const mode = ts.getModeForUsageLocation(source, name);
      return ts.resolveModuleName(name.text, file, settings, host, cache, redirected, mode);
    });
}

/** Clears the caches of module resolutions. */
function forgetFound() {
  for (const cache of resolutionCaches) cache.clear();
}

/** Replaces TypeScript's function of this name. */
function createWatchCompilerHost(rootFiles, options, system, ...rest) {
  const folder = options.rootDir;
  const { root } = parse(folder);
  queueTimers(system);
  // With top-level await, TypeScript itself finds all awaits; without it, tslab guesses from errors.
  const ours = { ...options, rootDir: root, disableTopLevelAwait: false };
  const host = ts.createWatchCompilerHost(rootFiles, ours, system, ...rest);
  resolveEveryTime(host, ours);
  let created;
  Object.defineProperty(host, "afterProgramCreate", {
    get: () => created,
    set: (listener) => {
      created = (builder) => {
        current = builder;
        listener(placeOutputs(builder, { root, folder, outDir: options.outDir }));
      };
    },
  });
  return host;
}

/**
 * Replaces TypeScript's function of this name: no error is dropped by tslab; errors outside the notebook's folder are
 * kept for `outsideErrors`.
 */
function getPreEmitDiagnosticsOfFiles(program, files) {
  const all = ts.getPreEmitDiagnosticsOfFiles(program, files);
  const folder = program.getCurrentDirectory();
  outside = all.filter(({ file }) => file && isOutside(folder, file.fileName));
  return all.map((error) => (error.code === NO_AWAIT_HERE ? { ...error, code: -NO_AWAIT_HERE } : error));
}

/** Returns errors of the last cell's modules outside the notebook's folder, as tslab's diagnostics. */
function outsideErrors() {
  return outside.map(({ file, start, messageText }) => ({
    fileName: relative(process.cwd(), file.fileName),
    start: file.getLineAndCharacterOfPosition(start),
    messageText: ts.flattenDiagnosticMessageText(messageText, "\n"),
  }));
}

/** Replaces the compiler's module by one with the functions of this file. */
function patchCompiler() {
  // tslab copies a module without this mark, and would keep the old functions
  const replaced = { __esModule: true, createWatchCompilerHost, getPreEmitDiagnosticsOfFiles };
  require.cache[MODULE].exports = Object.defineProperties(
    Object.create(ts),
    Object.getOwnPropertyDescriptors(replaced),
  );
}

module.exports = { OUTSIDE, dependsOn, forgetFound, patchCompiler, NOT_OWN, outsideErrors };
