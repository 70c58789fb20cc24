// Which operations of a graph a device has kernels for, by the kernels' registrations alone.

import { type DType, dtypeOfCode } from "../native/dtypes";
import { groupInputs, type RegisteredKernel } from "../native/operations";
import type { Attribute } from "./attributes";
import type { GraphNode } from "./graph";

/** An operation as a graph uses it: with these dtypes. */
export interface OperationUse {
  op: string;
  /** Attribute -> its dtype, or its dtypes where it stands for a list of tensors. */
  dtypes: Readonly<Record<string, readonly DType[]>>;
  /** One node that uses it so, for messages. */
  example: string;
}

/** Every operation of the nodes with its dtypes, each once, sorted by name. */
export function operationUses(nodes: readonly GraphNode[]): OperationUse[] {
  const uses = new Map<string, OperationUse>();
  for (const node of nodes) {
    const use = { op: node.op, dtypes: dtypesOf(node), example: node.name };
    const key = describeUse(use);
    if (!uses.has(key)) uses.set(key, use);
  }
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => use);
}

/** "Cast(SrcT: float32, DstT: bfloat16)". */
export function describeUse({ op, dtypes }: Pick<OperationUse, "op" | "dtypes">): string {
  const attributes = Object.entries(dtypes).map(([name, list]) => `${name}: ${list.join(" ")}`);
  return attributes.length === 0 ? op : `${op}(${attributes.join(", ")})`;
}

/**
 * Whether one of an operation's kernels serves for these dtypes on the device. Kernels for any device ("DEFAULT")
 * count; kernels with a label do not: TensorFlow takes those only where a graph rewrite asks for them.
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

/** What of a graph does not run on a device. */
export interface Coverage {
  /** Without a kernel there, and without a reason to be elsewhere. */
  missing: OperationUse[];
  /** Without a kernel there, as expected. */
  excused: OperationUse[];
}

/**
 * Compares the operations of a graph with a device's kernels.
 * @param kernelsOf the kernels of an operation, on all devices
 * @param excuses operation, or operation with its dtypes as `describeUse` writes it -> why it runs elsewhere
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

/** The dtypes of a node: those that were set, or that its definition sets, and those that follow from its inputs. */
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

/** Dtypes as an attribute holds them: one or several, by name or `TF_DataType` number. */
function dtypesIn(value: Attribute | undefined): DType[] {
  const list = Array.isArray(value) ? value : [value].filter((one) => one !== undefined);
  return list.map((one) => (typeof one === "number" ? dtypeOfCode(one) : (one as DType)));
}
