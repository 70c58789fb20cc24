// The compiler that tslab starts, set up as a workspace of several folders needs it. tslab takes TypeScript's
// functions from the module, which this replaces before tslab is loaded.
const { join, parse, relative } = require("node:path");
const MODULE = require.resolve("@tslab/typescript-for-tslab", { paths: [require.resolve("tslab")] });
const ts = require(MODULE);

/** Packages and declarations: many files that seldom change. */
const NOT_OWN = /\/node_modules\/|\.d\.[cm]?ts$/;

/** Where files outside the notebook's folder stand among the outputs of tslab, which refuses any above that folder. */
const OUTSIDE = "__outside__";

/** "await expressions are only allowed ...": tslab takes it for an await of the cell itself, and drops it. */
const NO_AWAIT_HERE = 1308;

const isOutside = (folder, file) => relative(folder, file).startsWith("..");

/** The program of the last cell, and the source of each output in it. */
let current;
const sources = new Map();

/** Caches of where modules were found, one for each compiler. */
const found = [];

/** Errors in a person's own modules outside the notebook's folder, which tslab leaves out. */
let outside = [];

/**
 * Keeps several timers where tslab has a place for one, and throws at the second: files that the compiler watches may
 * change in any number and order (npm install, a build) between two cells. All of them run before the next cell.
 */
function queueTimers(system) {
  const { setTimeout, clearTimeout } = system;
  const callbacks = new Map();
  let timer;
  const runAll = () => {
    for (const [handle, callback] of callbacks) {
      callbacks.delete(handle); // a callback may add another, which runs too
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

/** The program as tslab sees it: outputs are named after the notebook's folder again. */
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

/** Tells whether the source of one output imports, however far away, that of another one or one of `files`. */
function dependsOn(output, others, files) {
  const source = current.getSourceFile(sources.get(output));
  if (!source) return false;
  const changed = new Set([...files, ...[...others].map((other) => sources.get(other))]);
  return current.getAllDependencies(source).some((file) => changed.has(file));
}

/**
 * Looks for what own files import at every cell, and not when the system tells of new files: that is late at times, and
 * not at all for folders beside the notebook's.
 */
function resolveAnew(host, options) {
  const cache = ts.createModuleResolutionCache(host.getCurrentDirectory(), (name) => name, options);
  found.push(cache);
  host.hasInvalidatedResolutions = (path) => !NOT_OWN.test(path);
  host.resolveModuleNameLiterals = (names, file, redirected, settings, source) =>
    names.map((name) => {
      const mode = ts.getModeForUsageLocation(source, name);
      return ts.resolveModuleName(name.text, file, settings, host, cache, redirected, mode);
    });
}

/** Forgets where modules were found, and where not. */
function forgetFound() {
  for (const cache of found) cache.clear();
}

function createWatchCompilerHost(rootFiles, options, system, ...rest) {
  const folder = options.rootDir;
  const { root } = parse(folder);
  queueTimers(system);
  // With top-level await, TypeScript itself knows every place of it; without, tslab guesses it from errors.
  const ours = { ...options, rootDir: root, disableTopLevelAwait: false };
  const host = ts.createWatchCompilerHost(rootFiles, ours, system, ...rest);
  resolveAnew(host, ours);
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

/** Gives TypeScript's own, none of which tslab drops; those outside the notebook's folder are put aside. */
function getPreEmitDiagnosticsOfFiles(program, files) {
  const all = ts.getPreEmitDiagnosticsOfFiles(program, files);
  const folder = program.getCurrentDirectory();
  outside = all.filter(({ file }) => file && isOutside(folder, file.fileName));
  return all.map((error) => (error.code === NO_AWAIT_HERE ? { ...error, code: -NO_AWAIT_HERE } : error));
}

/** Errors that the last cell found in modules outside the notebook's folder, as tslab's diagnostics. */
function outsideErrors() {
  return outside.map(({ file, start, messageText }) => ({
    fileName: relative(process.cwd(), file.fileName),
    start: file.getLineAndCharacterOfPosition(start),
    messageText: ts.flattenDiagnosticMessageText(messageText, "\n"),
  }));
}

function mendCompiler() {
  // tslab copies a module without this mark, and would keep the functions of before
  const mended = { __esModule: true, createWatchCompilerHost, getPreEmitDiagnosticsOfFiles };
  require.cache[MODULE].exports = Object.defineProperties(
    Object.create(ts),
    Object.getOwnPropertyDescriptors(mended),
  );
}

module.exports = { OUTSIDE, dependsOn, forgetFound, mendCompiler, NOT_OWN, outsideErrors };
