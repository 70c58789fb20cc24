// `for await (const step of trainer) ...` at the top level of a cell: tslab refuses it there, but not in a function.
// Cells are compiled as if it stood in one that is called and awaited at once.
const ts = require("@tslab/typescript-for-tslab");
const converter = require("tslab/dist/converter");

/**
 * `for await (...) {}` -> `await Promise.all([(async () => { for await (...) {} })()]);`; lines keep their numbers.
 * (At the beginning of a statement `await (` would be read as a call of a function of that name.)
 */
function wrapForAwait(source) {
  const file = ts.createSourceFile("cell.ts", source, ts.ScriptTarget.Latest);
  const loops = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) || ts.isClassLike(node)) return;
    if (ts.isForOfStatement(node) && node.awaitModifier) loops.push(node);
    else ts.forEachChild(node, visit);
  };
  visit(file);
  let wrapped = source;
  for (const loop of loops.reverse()) {
    const start = loop.getStart(file);
    const text = source.slice(start, loop.end);
    wrapped = `${wrapped.slice(0, start)}await Promise.all([(async () => { ${text} })()]);${wrapped.slice(loop.end)}`;
  }
  return wrapped;
}

function mendForAwait() {
  const { createConverter } = converter;
  converter.createConverter = (...args) => {
    const made = createConverter(...args);
    return { ...made, convert: (previous, source) => made.convert(previous, wrapForAwait(source)) };
  };
}

module.exports = { mendForAwait, wrapForAwait };
