// Writes a traced function as a SavedModel for `tf.saved_model.load` in Python, TensorFlow Serving and C++.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Graph, type GraphNode, type GraphTensor } from "../graph/graph";
import { copyNodes } from "../graph/graph_copy";
import { takeBuffer } from "../native/buffers";
import { cApi } from "../native/c_api";
import { device } from "../native/device";
import { dtypeRow } from "../native/dtypes";
import type { TensorValue } from "../native/host_tensor";
import type { GraphFunction } from "../program/graph_function";
import type { Program } from "../program/program";
import {
  encodeSavedModelProto,
  type MetaGraphDef,
  selectOperations,
  type TensorInfo,
  withSortedAttributes,
} from "./saved_model_protos";

/** Name of the graph's file in the folder. */
export const SAVED_MODEL_FILE = "saved_model.pb";

/** `SaverDef.CheckpointFormatVersion.V2` */
const BUNDLE_FORMAT = 2;

/**
 * Writes a function and the variables that it reads into an empty folder: `saved_model.pb` with the signature
 * `serving_default`, and `variables/` in TensorFlow's own format. Variables are written straight from the session, so
 * they may exceed the 2 GB of a protocol buffer.
 * @param program the program in which the function was traced
 * @param outputs names of the results, in the order in which the function returns them
 */
export async function writeSavedModel(
  folder: string,
  program: Program,
  traced: GraphFunction,
  outputs: readonly string[],
): Promise<void> {
  const graph = new Graph();
  try {
    const { inputs, fetches, root } = traced.parts;
    const strip = (name: string) => (name.startsWith(root) ? name.slice(root.length) : name);
    const copyOf = copyNodes(traced.nodes, graph, strip);
    const results = outputs.map((name, i) => [name, named(graph, name, copyOf(fetches[i]!))] as const);
    const variables = graph.nodes.filter(({ op }) => op === "VarHandleOp");
    const saver = addSaver(graph, variables);
    const signature = {
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([name, input]) => [name, infoOf(copyOf(input))]),
      ),
      outputs: Object.fromEntries(results.map(([name, result]) => [name, infoOf(result)])),
      methodName: "tensorflow/serving/predict",
    };
    const metaGraph: MetaGraphDef = { ...describe(graph, saver), signatures: { serving_default: signature } };
    mkdirSync(join(folder, "variables"), { recursive: true });
    await program.saveBundle(join(folder, "variables", "variables"), variables.map(variableName));
    const model = encodeSavedModelProto("SavedModel", { schemaVersion: 1, metaGraphs: [metaGraph] });
    writeFileSync(join(folder, SAVED_MODEL_FILE), model);
  } finally {
    graph.dispose();
  }
}

const variableName = (handle: GraphNode) => handle.attributes.shared_name as string;

function named(graph: Graph, name: string, tensor: GraphTensor): GraphTensor {
  return graph.addNode("Identity", [tensor], { name }).outputs[0]!;
}

const tensorName = ({ node, index }: GraphTensor) => `${node.name}:${index}`;

function infoOf(tensor: GraphTensor): TensorInfo {
  const dim = tensor.shape!.map((length) => ({ size: length ?? -1 }));
  return { name: tensorName(tensor), dtype: dtypeRow(tensor.dtype).code, shape: { dim } };
}

/** Nodes that restore the variables from a bundle and save them into one. */
interface Saver {
  filename: GraphTensor;
  saved: GraphTensor;
  restore: GraphNode;
  /** For each variable its handle, the node that assigns the restored value, and the value that is read. */
  variables: { handle: GraphNode; assign: GraphNode; read: GraphTensor }[];
}

function addSaver(graph: Graph, handles: readonly GraphNode[]): Saver {
  const add = (op: string, inputs: readonly GraphTensor[], options: Parameters<Graph["addNode"]>[2] = {}) =>
    graph.addNode(op, inputs, { ...options, name: `save/${options.name ?? op}` });
  const strings = (values: readonly string[], shape: number[]) => {
    const data = values.map((value) => new TextEncoder().encode(value));
    const value: TensorValue = { dtype: "string", shape, data };
    return add("Const", [], { name: "names", attributes: { dtype: "string", value } }).outputs[0]!;
  };
  const names = strings(handles.map(variableName), [handles.length]);
  const whole = strings(
    handles.map(() => ""),
    [handles.length],
  );
  const filename = add("PlaceholderWithDefault", [strings(["variables"], [])], {
    name: "filename",
    attributes: { shape: [] },
  }).outputs[0]!;
  const dtypes = handles.map(({ attributes }) => attributes.dtype as string);
  const restored = add("RestoreV2", [filename, names, whole], { attributes: { dtypes } });
  const variables = handles.map((handle, i) => {
    const [resource] = handle.outputs;
    const assign = add("AssignVariableOp", [resource!, restored.outputs[i]!]);
    const attributes = { dtype: handle.attributes.dtype! };
    return { handle, assign, read: add("ReadVariableOp", [resource!], { attributes }).outputs[0]! };
  });
  const save = add("SaveV2", [filename, names, whole, ...variables.map(({ read }) => read)]);
  const saved = add("Identity", [filename], { name: "saved", controls: [save] }).outputs[0]!;
  const restore = add("NoOp", [], { name: "restore_all", controls: variables.map(({ assign }) => assign) });
  return { filename, saved, restore, variables };
}

function describe(
  graph: Graph,
  { filename, saved, restore, variables }: Saver,
): Omit<MetaGraphDef, "signatures"> {
  const collection = {
    bytesList: {
      value: variables.map(({ handle, assign, read }) =>
        encodeSavedModelProto("VariableDef", {
          handle: tensorName(handle.outputs[0]!),
          initializer: assign.name,
          snapshot: tensorName(read),
          isResource: true,
          trainable: true,
        }),
      ),
    },
  };
  // With the operations' definitions, an older TensorFlow drops attributes that it does not know yet.
  const operations = selectOperations(
    takeBuffer(cApi().TF_GetAllOpList()),
    new Set(graph.nodes.map(({ op }) => op)),
  );
  return {
    metaInfo: {
      operations: { op: operations },
      tags: ["serve"],
      tensorflowVersion: device().tensorflowVersion,
    },
    graphDef: withSortedAttributes(graph.toGraphDef()),
    saver: {
      filenameTensor: tensorName(filename),
      saveTensor: tensorName(saved),
      restoreOp: restore.name,
      maxToKeep: 1,
      version: BUNDLE_FORMAT,
    },
    collections: { variables: collection, trainable_variables: collection },
  };
}
