// Where a cell is: __dirname, __filename and import.meta, as in a file of the notebook's folder.
const { createRequire } = require("node:module");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

const PLACE = Symbol.for("guie.cellPlace");
/** The name by which compiled cells know `import.meta`. */
const META = "__importMeta";

/** The compiled cell where these names have values, in a block around it; its lines keep their numbers. */
function placed(code) {
  const values = `globalThis[Symbol.for("${PLACE.description}")]`;
  return `{ const [__dirname, __filename, ${META}] = ${values}; ${code}\n}`;
}

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
