// Shift-Tab between the parentheses of a call tells of the function that is called, as in other notebooks. tslab
// tells of the name under the cursor alone, and there is none.
const ts = require("@tslab/typescript-for-tslab");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");

/** Where the name of the function ends whose arguments the cursor lies among, the innermost; undefined outside. */
function calledAt(code, cursor) {
  // A call that is not closed yet ends with its last word.
  const position = code.slice(0, cursor).trimEnd().length;
  let found;
  const visit = (node) => {
    if (node.pos > position || node.end < position) return;
    if (ts.isCallOrNewExpression(node) && node.expression.end < position) found = node.expression.end;
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("cell.ts", code, ts.ScriptTarget.Latest));
  return found;
}

function mendInspect() {
  const { handleInspect } = JupyterHandlerImpl.prototype;
  JupyterHandlerImpl.prototype.handleInspect = function (request) {
    const reply = handleInspect.call(this, request);
    if (reply.found) return reply;
    const end = calledAt(request.code, request.cursor_pos);
    return end === undefined ? reply : handleInspect.call(this, { ...request, cursor_pos: end - 1 });
  };
}

module.exports = { calledAt, mendInspect };
