// Calls any TensorFlow operation from tfjs code.
import { inspect } from "node:util";
import type { NodeJSKernelBackend } from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend";
import type { TFEOpAttr, TFJSBinding } from "@tensorflow/tfjs-node-gpu/dist/tfjs_binding";
import { UserError } from "../../common/errors";
import {
  type Attribute,
  type Attributes,
  attributeType,
  dtypeCode,
  explicitAttributes,
} from "../graph/attributes";
import type { DType } from "../native/dtypes";
import { groupInputs, lengthAttribute, operationDefinition } from "../native/operations";
import type { OpDef } from "../native/protos";
import { tf } from "../native/tf";
import { TRACER, type TracingBackend } from "./tracing_backend";

/**
 * Calls any TensorFlow operation by its name: adds a node while tracing, computes at once outside of a trace. It has
 * no gradient of its own: wrap it in `tf.customGrad` if one is needed.
 *
 * While tracing, results may have dtypes that tfjs does not know (bfloat16, int64, uint8, ...): their tensors carry
 * tfjs's closest dtype, and the graph computes in the real one.
 * @param inputs in the order of the operation's definition; the items of a list follow each other
 * @param attributes by TensorFlow's names, dtypes by name; those that follow from the inputs may be left out
 * @returns the operation's outputs
 * @throws UserError where inputs or attributes do not fit the operation's definition
 * @example
 * const [values] = rawOp("TopKV2", [x, tf.scalar(5, "int32")], { sorted: true });
 */
export function rawOp(op: string, inputs: readonly tf.Tensor[], attributes: Attributes = {}): tf.Tensor[] {
  const stranger = inputs.findIndex((input) => !(input instanceof tf.Tensor));
  if (stranger >= 0) {
    throw new UserError(
      `${op}: its input ${stranger} is ${inspect(inputs[stranger], { depth: 0 })}, not a tensor.`,
      "Make a tensor of it, for example by tf.scalar(...).",
    );
  }
  if (tf.getBackend() === TRACER)
    return (tf.backend() as TracingBackend).addOperation(op, inputs, attributes);
  const definition = operationDefinition(op);
  const backend = tf.backend() as NodeJSKernelBackend;
  const all = {
    ...inferredFrom(definition, inputs, attributes),
    ...explicitAttributes(definition, attributes),
  };
  const list = Object.entries(all).map(([name, value]) =>
    eagerAttribute(backend.binding, definition, name, value),
  );
  return backend.executeMultipleOutputs(op, list, [...inputs], outputCount(definition, all));
}

/** Returns the attributes that a graph infers from the inputs and the eager runtime does not. */
function inferredFrom(definition: OpDef, inputs: readonly tf.Tensor[], attributes: Attributes): Attributes {
  const groups = groupInputs(definition, inputs, attributes as Record<string, number>);
  const inferred: Record<string, Attribute> = {};
  for (const { arg, inputs } of groups) {
    if (arg.typeAttr && inputs[0]) inferred[arg.typeAttr] = inputs[0].dtype;
    if (arg.numberAttr) inferred[arg.numberAttr] = inputs.length;
    if (arg.typeListAttr) inferred[arg.typeListAttr] = inputs.map(({ dtype }) => dtype);
  }
  return inferred;
}

function eagerAttribute(binding: TFJSBinding, definition: OpDef, name: string, value: Attribute): TFEOpAttr {
  const kinds: Record<string, number> = {
    int: binding.TF_ATTR_INT,
    "list(int)": binding.TF_ATTR_INT,
    float: binding.TF_ATTR_FLOAT,
    "list(float)": binding.TF_ATTR_FLOAT,
    bool: binding.TF_ATTR_BOOL,
    string: binding.TF_ATTR_STRING,
    type: binding.TF_ATTR_TYPE,
    shape: binding.TF_ATTR_SHAPE,
  };
  const type = attributeType(definition, name);
  if (kinds[type] === undefined) {
    throw new UserError(
      `${definition.name}: its attribute ${name} of type ${type} can be set only in a traced function.`,
    );
  }
  return { name, type: kinds[type], value: type === "type" ? dtypeCode(value as DType) : (value as number) };
}

function outputCount(definition: OpDef, attributes: Attributes): number {
  const counts = definition.outputArg.map((arg) => {
    const value = attributes[lengthAttribute(arg) ?? ""];
    return Array.isArray(value) ? value.length : ((value as number | undefined) ?? 1);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
