// Finds the operations of a graph that a device has no kernels for, from the kernels' registrations alone.

import { type DType, dtypeOfCode } from "../native/dtypes";
import { groupInputs, type RegisteredKernel } from "../native/operations";
import type { Attribute } from "./attributes";
import type { GraphNode } from "./graph";

/** An operation together with the dtypes that a graph uses it with. */
export interface OperationUse {
  op: string;
  /** Attribute -> its dtype, or several dtypes for a list of tensors. */
  dtypes: Readonly<Record<string, readonly DType[]>>;
  /** Name of one such node, for messages. */
  example: string;
}

/** Returns every operation of the nodes with its dtypes, each combination once, sorted by name. */
export function operationUses(nodes: readonly GraphNode[]): OperationUse[] {
  const uses = new Map<string, OperationUse>();
  for (const node of nodes) {
    const use = { op: node.op, dtypes: dtypesOf(node), example: node.name };
    const key = describeUse(use);
    if (!uses.has(key)) uses.set(key, use);
  }
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => use);
}

/** Describes an operation and its dtypes: "Cast(SrcT: float32, DstT: bfloat16)". */
export function describeUse({ op, dtypes }: Pick<OperationUse, "op" | "dtypes">): string {
  const attributes = Object.entries(dtypes).map(([name, list]) => `${name}: ${list.join(" ")}`);
  return attributes.length === 0 ? op : `${op}(${attributes.join(", ")})`;
}

/**
 * Returns whether one of an operation's kernels supports these dtypes on the device. Kernels for any device
 * ("DEFAULT") count; kernels with a label do not: TensorFlow uses those only when a graph rewrite requests them.
 */
export function hasKernel(use: OperationUse, kernels: readonly RegisteredKernel[], device: string): boolean {
  return kernels.some(
    (kernel) =>
      (kernel.device === device || kernel.device === "DEFAULT") &&
      kernel.label === "" &&
      Object.entries(kernel.dtypes).every(([attribute, allowed]) =>
        use.dtypes[attribute]?.every((dtype) => allowed.includes(dtype)),
      ),
  );
}

/** Operations of a graph that do not run on a device. */
export interface Coverage {
  /** Operations without a kernel there and without an excuse. */
  missing: OperationUse[];
  /** Operations without a kernel there, as expected. */
  excused: OperationUse[];
}

/**
 * Compares the operations of a graph with a device's kernels.
 * @param kernelsOf returns the kernels of an operation on all devices
 * @param excuses operation, or operation with its dtypes as `describeUse` writes it -> reason why it runs elsewhere
 */
export function coverageOf(
  uses: readonly OperationUse[],
  kernelsOf: (op: string) => readonly RegisteredKernel[],
  device: string,
  excuses: Readonly<Record<string, string>>,
): Coverage {
  const without = uses.filter((use) => !hasKernel(use, kernelsOf(use.op), device));
  const isExcused = (use: OperationUse) => (excuses[use.op] ?? excuses[describeUse(use)]) !== undefined;
  return { missing: without.filter((use) => !isExcused(use)), excused: without.filter(isExcused) };
}

/** Returns the dtypes of a node: set explicitly, set by its definition's defaults, or inferred from its inputs. */
function dtypesOf({ definition, attributes, inputs }: GraphNode): Record<string, DType[]> {
  const dtypes: Record<string, DType[]> = {};
  for (const { name, type, defaultValue } of definition.attr) {
    if (type === "type") dtypes[name] = dtypesIn(attributes[name] ?? defaultValue?.type);
    if (type === "list(type)") dtypes[name] = dtypesIn(attributes[name] ?? defaultValue?.list?.type);
  }
  for (const { arg, inputs: group } of groupInputs(definition, inputs)) {
    const given = group.map(({ dtype }) => dtype);
    if (arg.typeAttr) dtypes[arg.typeAttr] = given.slice(0, 1);
    if (arg.typeListAttr) dtypes[arg.typeListAttr] = given;
  }
  return dtypes;
}

/** Returns the dtypes in an attribute's value: one or several, by name or `TF_DataType` number. */
function dtypesIn(value: Attribute | undefined): DType[] {
  const list = Array.isArray(value) ? value : [value].filter((one) => one !== undefined);
  return list.map((one) => (typeof one === "number" ? dtypeOfCode(one) : (one as DType)));
}
