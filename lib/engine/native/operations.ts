// Definitions of TensorFlow's operations, and their registered kernels.
import { nearestName, UserError } from "../../common/errors";
import { takeBuffer } from "./buffers";
import { cApi } from "./c_api";
import { type DType, dtypeOfCode, isKnownCode } from "./dtypes";
import { type ArgDef, type AttrValue, decodeProto, type OpDef } from "./protos";
import { withStatus } from "./status";

let definitions: Map<string, OpDef> | undefined;

/** All operations by name. */
function allDefinitions(): Map<string, OpDef> {
  definitions ??= new Map(
    decodeProto("OpList", takeBuffer(cApi().TF_GetAllOpList())).op.map((definition) => [
      definition.name,
      definition,
    ]),
  );
  return definitions;
}

/** Whether this build of TensorFlow has an operation. */
export function hasOperation(op: string): boolean {
  return allDefinitions().has(op);
}

/**
 * TensorFlow's own definition of an operation: inputs, outputs, attributes.
 * @throws UserError naming the nearest operation there is
 */
export function operationDefinition(op: string): OpDef {
  const definition = allDefinitions().get(op);
  if (definition) return definition;
  const near = nearestName(op, [...allDefinitions().keys()]);
  throw new UserError(`TensorFlow has no operation "${op}".`, near && `Did you mean "${near}"?`);
}

/** Attributes that TensorFlow reads off the inputs: their dtypes and the lengths of their lists. */
export function inferredAttributes(definition: OpDef): Set<string> {
  return new Set(definition.inputArg.flatMap((arg) => [arg.typeAttr ?? "", lengthAttribute(arg) ?? ""]));
}

/** The attribute that says how many tensors an argument stands for; undefined where it is a single one. */
export function lengthAttribute(arg: ArgDef): string | undefined {
  return arg.numberAttr ?? arg.typeListAttr;
}

/**
 * Splits inputs by the definition's arguments: one each, and for a list argument as many as its attribute says, or
 * all that the others leave.
 * @param lengths of list arguments by the name of their attribute, where they are known
 * @throws UserError when the number of inputs does not fit
 */
export function groupInputs<T>(
  definition: OpDef,
  inputs: readonly T[],
  lengths: Readonly<Record<string, number>> = {},
): { arg: ArgDef; inputs: T[] }[] {
  const lists = definition.inputArg.map(lengthAttribute).filter((attribute) => attribute !== undefined);
  const rest = inputs.length - (definition.inputArg.length - lists.length);
  const lengthOf = (attribute: string) => lengths[attribute] ?? (lists.length === 1 ? rest : Number.NaN);
  let start = 0;
  const groups = definition.inputArg.map((arg) => {
    const attribute = lengthAttribute(arg);
    const group = inputs.slice(start, start + (attribute ? lengthOf(attribute) : 1));
    start += attribute ? lengthOf(attribute) : 1;
    return { arg, inputs: group };
  });
  if (start === inputs.length && rest >= 0) return groups;
  const names = definition.inputArg.map((arg) => (lengthAttribute(arg) ? `${arg.name}...` : arg.name));
  throw new UserError(
    `${definition.name} takes ${names.length === 0 ? "no inputs" : `the inputs (${names.join(", ")})`}, got ${inputs.length}.`,
    lists.length > 1 ? `Give the lengths of its lists: ${lists.join(", ")}.` : undefined,
  );
}

/** A kernel that this library's build of TensorFlow has for an operation. */
export interface RegisteredKernel {
  /** "CPU", "GPU", "DEFAULT" (any device), or a compiler's pseudo-device. */
  device: string;
  /** Attribute -> the dtypes for which the kernel serves; an attribute that is not here may be anything. */
  dtypes: Record<string, DType[]>;
  /** Not empty for kernels that only graph rewrites choose. */
  label: string;
}

/** The kernels of an operation on every device that the loaded library was built for, present or not. */
export function registeredKernels(op: string): RegisteredKernel[] {
  const { name } = operationDefinition(op);
  const buffer = withStatus(`looking up the kernels of ${op}`, (status) =>
    cApi().TF_GetRegisteredKernelsForOp(name, status),
  );
  return decodeProto("KernelList", takeBuffer(buffer)).kernel.map(({ deviceType, constraint, label }) => ({
    device: deviceType,
    label: label ?? "",
    dtypes: Object.fromEntries(constraint.map(({ name, allowedValues }) => [name, dtypesIn(allowedValues)])),
  }));
}

function dtypesIn(value?: AttrValue): DType[] {
  return (value?.list?.type ?? []).filter(isKnownCode).map(dtypeOfCode);
}
