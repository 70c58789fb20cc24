// From cells, and the modules that they import, to what tslab runs.
const { dirname, join, relative } = require("node:path");
const ts = require("@tslab/typescript-for-tslab");
const converter = require("tslab/dist/converter");
const { nodesBelow, parseCell, prepareCell } = require("./cell_source");
const { dependsOn, outsideErrors, OUTSIDE } = require("./compiler");
const { noticeEdits } = require("./own_files");
const { META } = require("./place");

/** Replaces `import.meta`, a word of modules only, by the name that has its value. */
function nameImportMeta(output) {
  const file = parseCell(output);
  const isMeta = (node) => ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword;
  return nodesBelow(file, isMeta)
    .reverse()
    .reduce((text, node) => text.slice(0, node.getStart(file)) + META + text.slice(node.end), output);
}

/** Second names of a module: tslab finds neither folders nor names with a dot. */
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

/** Keeps the modules that cells have imported, and tells which of them have to run again. */
class Modules {
  /** Compiled text by path. */
  #texts = new Map();
  /** Edited files whose importers have not been told. */
  #edited = new Set();

  edit(files) {
    for (const file of files) this.#edited.add(file);
  }

  /** Takes what a cell's imports were compiled to; returns what has changed, and whatever imports that. */
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

/** Says that the compiler failed on the same input a second time. */
function compilerFailure(error) {
  const words = `the TypeScript compiler failed on this cell, and again after a new start: ${error.message}`;
  const failure = new Error(
    `${words}\n  Next: divide the cell, or write it in another way; variables are kept`,
  );
  failure.name = "CompilerFailure";
  return failure;
}

/** Makes tslab's converter anew when it throws, which is a fault of the compiler and not of the cell, and asks again. */
class LastingConverter {
  #make;
  #converter;
  /** Cells that are modules ("@module name"), by name: a new converter has to be told. */
  #cellModules = new Map();

  constructor(make) {
    this.#make = make;
    this.#converter = make();
  }

  #startAnew() {
    try {
      this.#converter.close();
    } catch {
      // what has failed may fail to end as well
    }
    this.#converter = this.#make();
    for (const module of this.#cellModules.values()) this.#converter.addModule(...module);
  }

  ask(method, ...values) {
    if (method === "addModule") this.#cellModules.set(values[0], values);
    try {
      return this.#converter[method](...values);
    } catch {
      this.#startAnew();
    }
    try {
      return this.#converter[method](...values);
    } catch (error) {
      this.#startAnew();
      throw compilerFailure(error);
    }
  }
}

function mendConverter() {
  const { createConverter } = converter;
  converter.createConverter = (...options) => {
    const made = new LastingConverter(() => createConverter(...options));
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

module.exports = { mendConverter };
