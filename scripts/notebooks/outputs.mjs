// The outputs that are committed: an executed copy's outputs without what another run or machine would change, in the
// notebook that was executed. Left out: counts, dates, ports, paths, random ids, scripts (they run only after a cell
// has run). Each code cell notes the hash of the source that made its outputs.
import { createHash } from "node:crypto";

/** Maximum size of a committed notebook. */
export const MAX_NOTEBOOK_BYTES = 1_500_000;
const PLOTLY_MIME = "application/vnd.plotly.v1+json";
const HASH_CHARACTERS = 16;
const LISTED_CHARACTERS = 80;

/** A date with a time of day, perhaps in parentheses or followed by its age. */
const DATED = /\(?\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?: ?UTC|Z)?\)?(?:, [^<\n,]* ago)?/g;
/** A sweep's words when it was run again. */
const SWEPT_BEFORE = /\d+ of \d+ runs had finished before, same settings and data/g;
/** Lines that only some runs print: that a run had finished before, and, where nobody asked, the machine. */
const OCCASIONAL_LINE = /^(?:CPU: .*|.*: finished before \(.*)\n?/gm;
const ASKS_FOR_MACHINE = /\bdescribeDevice\(/;
const GEOMETRY = /(?<= (?:d|points|transform|[xy][12]?|c[xy]|r|width|height)=")[^"]*(?=")/g;

/** Returns the text of a notebook's field, which is a string or its lines. */
export function textOf(field) {
  return [field ?? []].flat().join("");
}

/** Returns the hash of a cell's source that its metadata holds: 16 hexadecimal digits of SHA-256. */
export function sourceHash(cell) {
  return createHash("sha256").update(textOf(cell.source)).digest("hex").slice(0, HASH_CHARACTERS);
}

/**
 * Returns the notebook with the normalised outputs of its executed copy, as the text to commit. If it would exceed
 * MAX_NOTEBOOK_BYTES, figures keep their SVG alone.
 * @param notebook the parsed notebook that was executed
 * @param executed its parsed executed copy: the same cells
 * @param folders absolute paths that become relative (the workspace's, the project's), longest first
 */
export function withOutputs(notebook, executed, folders) {
  let figures = 0;
  const uid = () => `f${++figures}`;
  const cells = notebook.cells.map((cell, index) => {
    if (cell.cell_type !== "code") return cell;
    const { execution: _, ...metadata } = cell.metadata;
    const outputs = joinStreams(executed.cells[index].outputs, textOf(cell.source)).map((output) =>
      normalised(output, folders, uid),
    );
    return {
      ...cell,
      execution_count: null,
      metadata: { ...metadata, guie: { source: sourceHash(cell) } },
      outputs: outputs.filter(({ text }) => text === undefined || text.length > 0),
    };
  });
  const whole = notebookText({ ...notebook, cells });
  return Buffer.byteLength(whole) <= MAX_NOTEBOOK_BYTES
    ? whole
    : notebookText({ ...notebook, cells: cells.map(withoutPlotly) });
}

/** Returns a notebook's file content in Jupyter's format. */
export function notebookText(notebook) {
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

/** Joins the pieces in which a stream happened to arrive, and drops lines that only some runs print. */
function joinStreams(outputs, source) {
  const joined = [];
  for (const output of outputs) {
    const last = joined.at(-1);
    if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name)
      last.text += textOf(output.text);
    else joined.push("text" in output ? { ...output, text: textOf(output.text) } : output);
  }
  if (ASKS_FOR_MACHINE.test(source)) return joined;
  for (const output of joined)
    if (output.output_type === "stream") output.text = output.text.replace(OCCASIONAL_LINE, "");
  return joined;
}

function normalised(output, folders, uid) {
  if (output.output_type === "stream") return { ...output, text: lines(neutral(output.text, folders)) };
  if (output.data === undefined) return output;
  const data = Object.entries(output.data).map(([mime, value]) => {
    if (typeof value === "object" && !Array.isArray(value))
      return [mime, JSON.parse(neutral(JSON.stringify(value), folders))];
    let text = neutral(textOf(value), folders);
    if (mime === "text/html") text = withoutScripts(text);
    if (mime === "image/svg+xml") text = compactSvg(text);
    return [mime, lines(renameIds(text, uid))];
  });
  const count = "execution_count" in output ? { execution_count: null } : {};
  return { ...output, ...count, data: Object.fromEntries(data) };
}

/** Replaces dates, ports and absolute paths. */
function neutral(text, folders) {
  const relative = folders.reduce(
    (rest, folder) => rest.replaceAll(spelled(`${folder}/`), "").replaceAll(spelled(folder), "."),
    text,
  );
  return relative
    .replace(DATED, "(date)")
    .replace(SWEPT_BEFORE, "")
    .replaceAll(/(127\.0\.0\.1:)\d+/g, "$1PORT");
}

/** Returns the pattern of a path, in which a table may have put places to break a line. */
function spelled(path) {
  const characters = Array.from(path, (character) => character.replace(/[^\w/-]/, "\\$&"));
  return new RegExp(characters.join("(?:<wbr>)?") + (path.endsWith("/") ? "(?:<wbr>)?" : ""), "g");
}

/** Removes scripts: they run only once a cell has run, and are larger than what they move. */
function withoutScripts(html) {
  return html.replaceAll(/<script\b.*?<\/script>/gs, "");
}

/** Rounds coordinates to a hundredth of a pixel, and drops classes: no style sheet uses them, some are random. */
function compactSvg(svg) {
  return svg
    .replaceAll(/(<[^<>]*?) class="[^"]*"/g, "$1")
    .replace(GEOMETRY, (value) =>
      value.replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (number) => String(Number(Number(number).toFixed(2)))),
    );
}

/** Replaces the random parts of plotly's ids (of a figure, of its colour bar) by numbers in the notebook. */
function renameIds(text, uid) {
  const named = text.matchAll(/id="(?:(?:top)?defs-|g[0-9a-f]{6}-cb)([0-9a-f]{6})"/g);
  const found = new Set(Array.from(named, ([, id]) => id));
  return [...found].reduce(
    (renamed, id) => renamed.replace(new RegExp(`(?<=["#][a-z0-9-]*)${id}`, "g"), uid()),
    text,
  );
}

function withoutPlotly(cell) {
  const outputs = cell.outputs?.map((output) => {
    if (!output.data?.["image/svg+xml"]) return output;
    const { [PLOTLY_MIME]: _, ...data } = output.data;
    return { ...output, data };
  });
  return outputs ? { ...cell, outputs } : cell;
}

/** Splits a text into lines with their ends, as Jupyter saves it. */
function lines(text) {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/**
 * Returns what GitHub shows of an output, without scripts and styles: a figure's SVG, else the HTML's words and
 * pictures, else the text; "" if nothing.
 * @param data the output by MIME type
 */
export function seenOnGitHub(data) {
  const svg = textOf(data["image/svg+xml"]);
  if (svg) return /<(path|rect|circle|text)\b/.exec(svg)?.[0] ?? "";
  if (!("text/html" in data)) return textOf(data["text/markdown"] ?? data["text/plain"]);
  const html = textOf(data["text/html"]).replaceAll(/<(script|style)\b.*?<\/\1>/gs, "");
  return html.replaceAll(/<(?!img )[^>]*>/g, "").trim();
}

/**
 * Lists the cells whose outputs differ, for a person to judge: measured times and rates may.
 * @returns one line per cell: its number and the first words that differ
 */
export function changedOutputs(before, after) {
  return after.cells.flatMap((cell, index) => {
    const old = before.cells[index];
    if (cell.cell_type !== "code" || JSON.stringify(old?.outputs) === JSON.stringify(cell.outputs)) return [];
    const [was, is] = [old?.outputs ?? [], cell.outputs].map(words);
    const at = Array.from({ length: Math.max(was.length, is.length) }, (_, line) => line).find(
      (line) => was[line] !== is[line],
    );
    return [`cell ${index + 1}: ${at === undefined ? "a picture or the form" : difference(was[at], is[at])}`];
  });
}

/** Returns two lines from a little before the first character that differs; undefined: no such line. */
function difference(was, is) {
  const first = Array.from(was ?? "").findIndex((character, at) => character !== is?.[at]);
  const from = was === undefined || is === undefined ? 0 : Math.max(0, first - LISTED_CHARACTERS / 2);
  return [was, is]
    .map((line) =>
      line === undefined ? "nothing" : `"${line.slice(from, from + LISTED_CHARACTERS).trim()}"`,
    )
    .join(" -> ");
}

function words(outputs) {
  const text = outputs.map(({ text, data }) => textOf(text ?? data?.["text/plain"]));
  return text.flatMap((lines) => lines.split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, " ")));
}
