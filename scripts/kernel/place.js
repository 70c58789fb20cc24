// Defines __dirname, __filename and import.meta of cells, as in a file of the notebook's folder.
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

const PLACE = Symbol.for("guie.cellPlace");
/** Name of `import.meta` in compiled cells. */
const META = "__importMeta";

/** Wraps a compiled cell in a block that defines these names; line numbers do not change. */
function placed(code) {
  const values = `globalThis[Symbol.for("${PLACE.description}")]`;
  return `{ const [__dirname, __filename, ${META}] = ${values}; ${code}\n}`;
}

/** Sets the values of these names. */
function setPlace() {
  const dirname = process.cwd();
  const filename = join(dirname, "cell.js");
  const url = pathToFileURL(filename).href;
  const resolve = (name) => {
    const found = createRequire(filename).resolve(name);
    return found === name ? `node:${name.replace(/^node:/, "")}` : pathToFileURL(found).href;
  };
  globalThis[PLACE] = [dirname, filename, { dirname, filename, url, resolve }];
}

module.exports = { META, placed, setPlace };
