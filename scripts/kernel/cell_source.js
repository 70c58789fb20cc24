// Rewrites cell syntax that tslab's compiler rejects or misreads into equivalent code. All edits come from the syntax
// tree; line numbers do not change.
const ts = require("@tslab/typescript-for-tslab");

/** Parses a cell as the module that it becomes, so that `await` is a keyword; positions refer to `source`. */
function parseCell(source) {
  return ts.createSourceFile("cell.ts", `${source}\nexport {};`, ts.ScriptTarget.Latest, true);
}

/**
 * Returns true if an `await` below `node` belongs to the cell itself. Bodies and parameters of functions, fields and
 * static blocks of classes, enums and namespaces do not count; computed names, decorators and `extends` do.
 */
function awaits(node) {
  if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) return true;
  if (ts.isClassStaticBlockDeclaration(node) || ts.isEnumDeclaration(node) || ts.isModuleDeclaration(node))
    return false;
  if (ts.isFunctionLike(node) || ts.isPropertyDeclaration(node))
    return [node.name, ...(node.modifiers ?? [])].some((part) => part !== undefined && awaits(part));
  return ts.forEachChild(node, (child) => awaits(child) || undefined) ?? false;
}

/** Returns all nodes below `node` that `wanted` accepts, in text order. */
function nodesBelow(node, wanted) {
  const found = [];
  const visit = (child) => {
    if (wanted(child)) found.push(child);
    ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}

/**
 * Expands shorthand properties, `{ a, b = 1 }` -> `{ a: a, b: b = 1 }`: tslab would look up the property instead of the
 * earlier cell's variable.
 */
function expandShorthand(file) {
  return nodesBelow(file, ts.isShorthandPropertyAssignment).map(({ name }) => ({
    start: name.end,
    end: name.end,
    text: `: ${name.text}`,
  }));
}

const isExport = ({ kind }) => kind === ts.SyntaxKind.ExportKeyword || kind === ts.SyntaxKind.DefaultKeyword;

/**
 * Rewrites `export default { a: 1 }` to `;  ({ a: 1 })`, which is neither a block nor a call of the expression on the
 * line before.
 */
function asExpression(file, statement) {
  const { expression } = statement;
  const start = statement.getStart(file);
  const words = file.text.slice(start + 1, expression.getStart(file) - 1);
  return [
    { start, end: expression.getStart(file), text: `;${words.replace(/[^\n]/g, " ")}(` },
    { start: expression.end, end: expression.end, text: ")" },
  ];
}

/** Removes `export`: tslab itself exports every name of a cell to the next ones. */
function dropExports(file) {
  return file.statements.slice(0, -1).flatMap((statement) => {
    if (ts.isExportDeclaration(statement) && !statement.moduleSpecifier)
      return [{ start: statement.getStart(file), end: statement.end }];
    if (ts.isExportAssignment(statement) && !statement.isExportEquals) return asExpression(file, statement);
    if (statement.name === undefined && !ts.isVariableStatement(statement)) return [];
    const words = (statement.modifiers ?? []).filter(isExport);
    return words.map((word) => ({ start: word.getStart(file), end: word.end }));
  });
}

/** Rewrites `import fs = require("fs")` to `import * as fs from "fs"`. */
function importNamespaces(file) {
  const requires = (statement) =>
    ts.isImportEqualsDeclaration(statement) && ts.isExternalModuleReference(statement.moduleReference);
  return file.statements.filter(requires).map((statement) => {
    const module = statement.moduleReference.expression.getText(file);
    const start = statement.name.getStart(file);
    return { start, end: statement.end, text: `* as ${statement.name.text} from ${module};` };
  });
}

const sameLine = (file, first, second) =>
  !file.text.slice(first.end, second.getStart(file)).includes("\n") &&
  !file.text.slice(0, first.end).endsWith(";");

/** Removes `with { type: "json" }` after an import, which this compiler version does not support. */
function dropAttributes(file) {
  return file.statements.flatMap((statement, place) => {
    const next = file.statements[place + 1];
    if (!ts.isImportDeclaration(statement) || !next || !ts.isWithStatement(next)) return [];
    if (!sameLine(file, statement, next) || !ts.isObjectLiteralExpression(next.expression)) return [];
    return [{ start: next.getStart(file), end: next.expression.end }];
  });
}

/** Applies edits { start, end, text }; an edit without a text blanks its range. */
function applyEdits(source, edits) {
  const fromTheEnd = [...edits].sort((a, b) => b.start - a.start);
  return fromTheEnd.reduce((text, edit) => {
    const written = edit.text ?? text.slice(edit.start, edit.end).replace(/[^\n]/g, " ");
    return text.slice(0, edit.start) + written + text.slice(edit.end);
  }, source);
}

/** Returns true for `using x = ...` and `await using x = ...`, which the compiler reads as two statements. */
function isUsing(statement, file) {
  if (!ts.isExpressionStatement(statement)) return false;
  const { expression } = statement;
  const word = ts.isAwaitExpression(expression) ? expression.expression : expression;
  if (!ts.isIdentifier(word) || word.text !== "using") return false;
  const { statements } = statement.parent;
  const next = statements?.[statements.indexOf(statement) + 1];
  return next !== undefined && ts.isExpressionStatement(next) && sameLine(file, statement, next);
}

/** Syntax that cells do not support, and what to write instead. */
const REFUSED = [
  {
    found: isUsing,
    words: `\`using\` needs TypeScript 5.2; the kernel's compiler is ${ts.version}.\n  Next: write const x = ...; try { ... } finally { x[Symbol.dispose](); }`,
  },
  {
    found: (node) => ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined,
    words:
      "a cell exports nothing.\n  Next: write import { ... } from it: the names are there in the next cells too",
  },
  {
    found: (node) => ts.isExportAssignment(node) && node.isExportEquals,
    words:
      "a cell exports nothing.\n  Next: give the value a name: const x = ...; it is there in the next cells too",
  },
  {
    found: (node) =>
      (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) && node.name === undefined,
    words: "a cell exports nothing.\n  Next: give what is exported a name: it is there in the next cells too",
  },
];

/** Returns unsupported syntax as tslab's diagnostics. */
function refusals(file) {
  return REFUSED.flatMap(({ found, words }) =>
    nodesBelow(file, (node) => found(node, file)).map((node) => ({
      start: file.getLineAndCharacterOfPosition(node.getStart(file)),
      messageText: words,
    })),
  );
}

/**
 * Prepares a cell for the compiler: returns the source to compile, whether it awaits, and diagnostics of unsupported
 * syntax.
 */
function prepareCell(cell) {
  const file = parseCell(cell);
  const edits = [expandShorthand, dropExports, importNamespaces, dropAttributes].flatMap((edit) =>
    edit(file),
  );
  return { source: applyEdits(cell, edits), awaits: awaits(file), refused: refusals(file) };
}

module.exports = { parseCell, nodesBelow, prepareCell };
