// Reads the types of node attributes and sets their values.
import { nearestName, UserError } from "../../common/errors";
import { cApi, type Pointer } from "../native/c_api";
import { type DType, dtypeOfCode, dtypeRow } from "../native/dtypes";
import { copyToTensorflow, int64Array, type TensorValue } from "../native/host_tensor";
import { inferredAttributes } from "../native/operations";
import type { OpDef } from "../native/protos";
import { withStatus } from "../native/status";

/**
 * Value of an operation's attribute in plain JavaScript: a number (int, float), boolean, string, a dtype by its name or
 * `TF_DataType` number, a shape with null for unknown lengths, a tensor's value, or a list of one of these.
 */
export type Attribute =
  | number
  | bigint
  | boolean
  | string
  | null
  | TensorValue
  | readonly (number | bigint | string | null)[];

/** Attributes by name. */
export type Attributes = Readonly<Record<string, Attribute>>;

type Setter = (description: Pointer, name: string, value: never) => void;

const encoder = new TextEncoder();

/** Attribute type of an `OpDef` -> the C function that sets it. */
const SETTERS: Record<string, Setter> = {
  int: (description, name, value: number) => cApi().TF_SetAttrInt(description, name, value),
  float: (description, name, value: number) => cApi().TF_SetAttrFloat(description, name, value),
  bool: (description, name, value: boolean) => cApi().TF_SetAttrBool(description, name, value ? 1 : 0),
  string: (description, name, value: string) => {
    const bytes = encoder.encode(value);
    cApi().TF_SetAttrString(description, name, bytes, bytes.length);
  },
  type: (description, name, value: DType | number) =>
    cApi().TF_SetAttrType(description, name, dtypeCode(value)),
  shape: (description, name, value: (number | null)[] | null) => {
    const dims = value?.map((size) => size ?? -1);
    cApi().TF_SetAttrShape(description, name, dims ? int64Array(dims) : null, dims ? dims.length : -1);
  },
  tensor: (description, name, value: TensorValue) => {
    const tensor = copyToTensorflow(value);
    try {
      withStatus(`setting the attribute ${name}`, (status) =>
        cApi().TF_SetAttrTensor(description, name, tensor.pointer, status),
      );
    } finally {
      tensor.release();
    }
  },
  "list(int)": (description, name, value: number[]) =>
    cApi().TF_SetAttrIntList(description, name, int64Array(value), value.length),
  "list(float)": (description, name, value: number[]) =>
    cApi().TF_SetAttrFloatList(description, name, Float32Array.from(value), value.length),
  "list(string)": (description, name, value: string[]) => {
    const lengths = value.map((text) => encoder.encode(text).length);
    cApi().TF_SetAttrStringList(description, name, value, int64Array(lengths), value.length);
  },
  "list(type)": (description, name, value: (DType | number)[]) =>
    cApi().TF_SetAttrTypeList(description, name, Int32Array.from(value, dtypeCode), value.length),
};

/** Returns the `TF_DataType` of a dtype. */
export function dtypeCode(dtype: DType | number): number {
  return typeof dtype === "number" ? dtype : dtypeRow(dtype).code;
}

/**
 * Returns the attributes that must be set explicitly, checked against the definition, with dtypes by name. Leaves out
 * the attributes that TensorFlow infers from the inputs.
 * @throws UserError naming an attribute that the operation does not have
 */
export function explicitAttributes(definition: OpDef, attributes: Attributes): Attributes {
  const inferred = inferredAttributes(definition);
  const entries = Object.entries(attributes).filter(([name]) => !inferred.has(name));
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const type = attributeType(definition, name);
      return [name, type === "type" && typeof value === "number" ? dtypeOfCode(value) : value];
    }),
  );
}

/**
 * Returns the type of an attribute in the operation's definition: "int", "list(int)", "type", ...
 * @throws UserError naming the most similar attribute
 */
export function attributeType(definition: OpDef, name: string): string {
  const type = definition.attr.find((attr) => attr.name === name)?.type;
  if (type && SETTERS[type]) return type;
  if (type)
    throw new UserError(
      `The attribute ${name} of ${definition.name} is of type ${type}: not supported here.`,
    );
  const near = nearestName(
    name,
    definition.attr.map((attr) => attr.name),
  );
  throw new UserError(
    `${definition.name} has no attribute "${name}".`,
    near ? `Did you mean "${near}"?` : `It has: ${definition.attr.map((attr) => attr.name).join(", ")}.`,
  );
}

/** Sets one attribute on an operation under construction. */
export function setAttribute(description: Pointer, definition: OpDef, name: string, value: Attribute): void {
  SETTERS[attributeType(definition, name)]!(description, name, value as never);
}

/** Returns whether an attribute has its default value. */
export function isDefault(definition: OpDef, name: string, value: Attribute): boolean {
  const standard = definition.attr.find((attr) => attr.name === name)?.defaultValue;
  if (!standard) return false;
  if (standard.s) return Buffer.from(standard.s).toString() === value;
  if (standard.type !== undefined) return dtypeOfCode(standard.type) === value;
  if (standard.list) return Array.isArray(value) && sameNumbers(standard.list.i, value);
  return [standard.i, standard.f, standard.b].includes(value as number);
}

function sameNumbers(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
