// `{ dataDir }` with a name of an earlier cell: tslab looks up the property instead of the variable and leaves the
// name as it is, which then is not defined. Cells are compiled as if `{ dataDir: dataDir }` stood there.
const ts = require("@tslab/typescript-for-tslab");
const converter = require("tslab/dist/converter");

/** `{ a, b = 1 }` -> `{ a: a, b: b = 1 }`; everything else, line numbers included, as it was. */
function expandShorthand(source) {
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest);
  const insertions = [];
  const visit = (node) => {
    if (ts.isShorthandPropertyAssignment(node)) insertions.push(node.name);
    ts.forEachChild(node, visit);
  };
  visit(file);
  let expanded = source;
  for (const name of insertions.reverse()) {
    expanded = `${expanded.slice(0, name.end)}: ${name.text}${expanded.slice(name.end)}`;
  }
  return expanded;
}

function mendShorthand() {
  const { createConverter } = converter;
  converter.createConverter = (...args) => {
    const made = createConverter(...args);
    return { ...made, convert: (previous, source) => made.convert(previous, expandShorthand(source)) };
  };
}

module.exports = { expandShorthand, mendShorthand };
