// Looks up TensorFlow's operations and their kernels; nothing runs, so it may be used while tracing.
import { nearestName, UserError } from "../../common/errors";
import { takeBuffer } from "./buffers";
import { cApi } from "./c_api";
import { type DType, dtypeOfCode, isKnownCode } from "./dtypes";
import { type ArgDef, type AttrValue, decodeProto, type OpDef } from "./protos";
import { withStatus } from "./status";

let definitions: Map<string, OpDef> | undefined;

/** Returns all operations by name. */
function allDefinitions(): Map<string, OpDef> {
  definitions ??= new Map(
    decodeProto("OpList", takeBuffer(cApi().TF_GetAllOpList())).op.map((definition) => [
      definition.name,
      definition,
    ]),
  );
  return definitions;
}

/** Returns whether this build of TensorFlow has an operation. */
export function hasOperation(op: string): boolean {
  return allDefinitions().has(op);
}

/**
 * Returns TensorFlow's definition of an operation: inputs, outputs, attributes.
 * @throws UserError naming the most similar operation
 */
export function operationDefinition(op: string): OpDef {
  const definition = allDefinitions().get(op);
  if (definition) return definition;
  const near = nearestName(op, [...allDefinitions().keys()]);
  throw new UserError(`TensorFlow has no operation "${op}".`, near && `Did you mean "${near}"?`);
}

/** Returns the attributes that TensorFlow infers from the inputs: their dtypes and the lengths of their lists. */
export function inferredAttributes(definition: OpDef): Set<string> {
  return new Set(definition.inputArg.flatMap((arg) => [arg.typeAttr ?? "", lengthAttribute(arg) ?? ""]));
}

/** Returns the attribute with the number of tensors of a list argument; undefined for a single tensor. */
export function lengthAttribute(arg: ArgDef): string | undefined {
  return arg.numberAttr ?? arg.typeListAttr;
}

/**
 * Splits inputs by the definition's arguments: one for each, and for a list argument the number in its attribute or
 * all that the other arguments leave.
 * @param lengths known lengths of list arguments by the names of their attributes
 * @throws UserError where the number of inputs does not fit
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

/** A kernel of this build of TensorFlow for an operation. */
export interface RegisteredKernel {
  /** "CPU", "GPU", "DEFAULT" (any device), or a compiler's pseudo-device. */
  device: string;
  /** Attribute -> the dtypes that the kernel supports; an attribute that is not listed may have any dtype. */
  dtypes: Record<string, DType[]>;
  /** Not empty for kernels that only graph rewrites choose. */
  label: string;
}

/** Returns the kernels of an operation for every device that the loaded library was built for, present or not. */
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
