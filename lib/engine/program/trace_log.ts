// Logs traces to standard error, by the environment variable TRACE: 1 a line for every traced function and session,
// 2 also their operations by kind and the memory of their variables and constants, 3 also every node.

import { performance } from "node:perf_hooks";
import { UserError } from "../../common/errors";
import { elementCount } from "../../common/vectors";
import type { GraphNode, GraphTensor } from "../graph/graph";
import { nodeText } from "../graph/graph_text";
import { dtypeRow } from "../native/dtypes";
import type { TensorValue } from "../native/host_tensor";

const LEVELS = ["", "0", "1", "2", "3"];

/**
 * Returns the level of detail, 0 to 3.
 * @throws UserError for any other value of TRACE
 */
function traceLevel(): number {
  const { TRACE: text = "" } = process.env;
  if (LEVELS.includes(text)) return Number(text);
  throw new UserError(`The environment variable TRACE is "${text}".`, "Set it to 1, 2 or 3, or unset it.");
}

/** Starts a clock. Returns a function that returns the seconds since then. */
export function stopwatch(): () => number {
  const startedAtMs = performance.now();
  return () => (performance.now() - startedAtMs) / 1000;
}

/**
 * Logs a traced function, after its trace.
 * @param nodesOf returns its nodes; called only if they are shown
 * @param seconds that tracing took
 */
export function logTrace(owner: string, nodesOf: () => readonly GraphNode[], seconds: number): void {
  const level = traceLevel();
  if (level === 0) return;
  const nodes = nodesOf();
  const handles = nodes.filter(({ op }) => op === "VarHandleOp").map(({ outputs }) => outputs[0]!);
  const lines = [
    `${owner}: ${count(nodes, "node")}, ${count(handles, "variable")}, traced in ${seconds.toFixed(2)} s`,
  ];
  if (level >= 2) {
    lines.push(
      `  variables ${megabytes(variableBytes(handles))}, constants ${megabytes(constantBytes(nodes))}`,
    );
    lines.push(`  ${kindsOf(nodes)}`);
  }
  if (level >= 3) lines.push(...nodes.map((node) => `  ${nodeText(node)}`));
  write(lines);
}

/**
 * Logs a session that was opened.
 * @param handles handles of the variables that live in it
 * @param seconds that opening took
 */
export function logSession(handles: readonly GraphTensor[], seconds: number): void {
  const level = traceLevel();
  if (level === 0) return;
  const memory = level >= 2 ? ` of ${megabytes(variableBytes(handles))}` : "";
  write([`session: ${count(handles, "variable")}${memory}, opened in ${seconds.toFixed(2)} s`]);
}

function write(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `trace: ${line}\n`).join(""));
}

/** Counts operations by kind, most frequent first: "MatMul 12, Add 3, Exp 1". */
function kindsOf(nodes: readonly GraphNode[]): string {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return sorted.map(([op, count]) => `${op} ${count}`).join(", ");
}

function variableBytes(handles: readonly GraphTensor[]): number {
  return sum(handles, ({ node: { attributes } }) => {
    const { bytes } = dtypeRow(attributes.dtype as never);
    return elementCount(attributes.shape as number[]) * bytes;
  });
}

function constantBytes(nodes: readonly GraphNode[]): number {
  const constants = nodes.filter(({ op }) => op === "Const").map(({ attributes }) => attributes.value);
  return sum(constants as TensorValue[], ({ dtype, shape }) => elementCount(shape) * dtypeRow(dtype).bytes);
}

function sum<T>(items: readonly T[], sizeOf: (item: T) => number): number {
  return items.reduce((total, item) => total + sizeOf(item), 0);
}

function count({ length }: readonly unknown[], what: string): string {
  return `${length} ${what}${length === 1 ? "" : "s"}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
