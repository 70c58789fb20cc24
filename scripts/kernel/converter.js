// Converts cells and the modules that they import to the code that tslab runs.
const { dirname, join, relative } = require("node:path");
const ts = require("@tslab/typescript-for-tslab");
const converter = require("tslab/dist/converter");
const { nodesBelow, parseCell, prepareCell } = require("./cell_source");
const { dependsOn, outsideErrors, OUTSIDE } = require("./compiler");
const { noticeEdits } = require("./own_files");
const { META } = require("./place");

/** Replaces `import.meta`, which only modules may use, by the name of its value. */
function nameImportMeta(output) {
  const file = parseCell(output);
  const isMeta = (node) => ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword;
  return nodesBelow(file, isMeta)
    .reverse()
    .reduce((text, node) => text.slice(0, node.getStart(file)) + META + text.slice(node.end), output);
}

/** Returns alias files for a module: tslab finds neither folders nor names with a dot. */
function aliasesOf({ path }) {
  const name = path.replace(/\.js$/, "");
  const names = [];
  if (name.endsWith("/index")) names.push(`${dirname(name)}.js`);
  if (/\.[^/]+$/.test(name)) names.push(name);
  return names.map((alias) => {
    const target = JSON.stringify(`./${relative(dirname(alias), path)}`);
    return { path: alias, data: `module.exports = require(${target});` };
  });
}

/** The modules that cells have imported; determines which ones must run again. */
class Modules {
  /** Compiled text by path. */
  #texts = new Map();
  /** Edited files for which importers have not been invalidated yet. */
  #edited = new Set();

  edit(files) {
    for (const file of files) this.#edited.add(file);
  }

  /** Stores the compiled imports of a cell; returns the changed ones and all that import them. */
  renew(outputs) {
    const outside = join(process.cwd(), OUTSIDE);
    const placed = outputs.map(({ path, data }) => ({
      path: path.startsWith(outside) ? path.slice(outside.length) : path,
      data,
    }));
    const changed = placed.filter(({ path, data }) => this.#texts.get(path) !== data);
    for (const { path, data } of changed) this.#texts.set(path, data);
    const isChanged = new Set(changed.map(({ path }) => path));
    const importers = [...this.#texts].filter(
      ([path]) => !isChanged.has(path) && dependsOn(path, isChanged, this.#edited),
    );
    this.#edited.clear();
    const again = [...changed, ...importers.map(([path, data]) => ({ path, data }))];
    const aliases = again.flatMap(aliasesOf).filter(({ path }) => !this.#texts.has(path));
    return [...again, ...aliases];
  }
}

/** Returns the error for a compiler that failed twice on the same input. */
function compilerFailure(error) {
  const words = `the TypeScript compiler failed on this cell, and again after a restart: ${error.message}`;
  const failure = new Error(
    `${words}\n  Next: divide the cell, or write it in another way; variables are kept`,
  );
  failure.name = "CompilerFailure";
  return failure;
}

/**
 * Wraps tslab's converter: if it throws, a fault of the compiler and not of the cell, it is created again and asked
 * once more.
 */
class RestartingConverter {
  #make;
  #converter;
  /** Cells that are modules ("@module name"), by name, to be added to a new converter. */
  #cellModules = new Map();

  constructor(make) {
    this.#make = make;
    this.#converter = make();
  }

  #restart() {
    try {
      this.#converter.close();
    } catch {
      // a failed converter may also fail to close
    }
    this.#converter = this.#make();
    for (const module of this.#cellModules.values()) this.#converter.addModule(...module);
  }

  ask(method, ...values) {
    if (method === "addModule") this.#cellModules.set(values[0], values);
    try {
      return this.#converter[method](...values);
    } catch {
      this.#restart();
    }
    try {
      return this.#converter[method](...values);
    } catch (error) {
      this.#restart();
      throw compilerFailure(error);
    }
  }
}

/** Patches tslab's function that creates converters. */
function patchConverter() {
  const { createConverter } = converter;
  converter.createConverter = (...options) => {
    const made = new RestartingConverter(() => createConverter(...options));
    const modules = new Modules();
    const convert = (previous, source) => {
      const cell = prepareCell(source);
      if (cell.refused.length > 0) return { diagnostics: cell.refused };
      modules.edit(noticeEdits());
      const converted = made.ask("convert", previous, cell.source);
      if (converted.diagnostics.length > 0) return converted;
      return {
        ...converted,
        output: nameImportMeta(converted.output),
        diagnostics: outsideErrors(),
        hasToplevelAwait: cell.awaits,
        sideOutputs: modules.renew(converted.sideOutputs ?? []),
      };
    };
    const others = ["inspect", "complete", "addModule", "close"].map((method) => [
      method,
      (...values) => made.ask(method, ...values),
    ]);
    return { convert, ...Object.fromEntries(others) };
  };
}

module.exports = { patchConverter };
