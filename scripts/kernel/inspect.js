// Makes Shift-Tab between the parentheses of a call describe the called function, as in other notebooks. tslab itself
// describes only the name under the cursor.
const ts = require("@tslab/typescript-for-tslab");
const { JupyterHandlerImpl } = require("tslab/dist/jupyter");

/** Returns the end position of the name of the innermost call around the cursor; undefined outside calls. */
function calledAt(code, cursor) {
  // An unclosed call ends with its last word.
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

/** Patches tslab's inspection. */
function patchInspect() {
  const { handleInspect } = JupyterHandlerImpl.prototype;
  JupyterHandlerImpl.prototype.handleInspect = function (request) {
    const reply = handleInspect.call(this, request);
    if (reply.found) return reply;
    const end = calledAt(request.code, request.cursor_pos);
    return end === undefined ? reply : handleInspect.call(this, { ...request, cursor_pos: end - 1 });
  };
}

module.exports = { calledAt, patchInspect };
