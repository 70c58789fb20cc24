// Protocol buffers of a SavedModel, with the fields that are written here.
// Sources: tensorflow/core/protobuf/{saved_model,meta_graph,saver}.proto, core/framework/variable.proto
import protobuf from "protobufjs/light";
import { byCodeUnit } from "../../common/code_units";

const repeated = (type: string, id: number) => ({ rule: "repeated", type, id });
const field = (type: string, id: number) => ({ type, id });
const byName = (type: string, id: number) => ({ keyType: "string", type, id });

const SCHEMA = protobuf.Root.fromJSON({
  nested: {
    SavedModel: { fields: { schemaVersion: field("int64", 1), metaGraphs: repeated("MetaGraphDef", 2) } },
    MetaGraphDef: {
      fields: {
        metaInfo: field("MetaInfoDef", 1),
        graphDef: field("bytes", 2), // serialised already
        saver: field("SaverDef", 3),
        collections: byName("CollectionDef", 4),
        signatures: byName("SignatureDef", 5),
      },
    },
    MetaInfoDef: {
      fields: {
        operations: field("RawOpList", 2),
        tags: repeated("string", 4),
        tensorflowVersion: field("string", 5),
      },
    },
    RawGraphDef: {
      fields: { node: repeated("bytes", 1), library: field("bytes", 2), versions: field("bytes", 4) },
    },
    // All fields of NodeDef; the entries of its map `attr` stay serialised
    RawNodeDef: {
      fields: {
        name: field("string", 1),
        op: field("string", 2),
        input: repeated("string", 3),
        device: field("string", 4),
        attr: repeated("bytes", 5),
        debugInfo: field("bytes", 6),
        type: field("bytes", 7),
      },
    },
    RawOpList: { fields: { op: repeated("bytes", 1) } },
    NamedMessage: { fields: { name: field("string", 1) } },
    SaverDef: {
      fields: {
        filenameTensor: field("string", 1),
        saveTensor: field("string", 2),
        restoreOp: field("string", 3),
        maxToKeep: field("int32", 4),
        version: field("int32", 7),
      },
    },
    CollectionDef: { fields: { bytesList: field("BytesList", 2) } },
    BytesList: { fields: { value: repeated("bytes", 1) } },
    VariableDef: {
      fields: {
        handle: field("string", 1),
        initializer: field("string", 2),
        snapshot: field("string", 3),
        isResource: field("bool", 5),
        trainable: field("bool", 7),
      },
    },
    SignatureDef: {
      fields: {
        inputs: byName("TensorInfo", 1),
        outputs: byName("TensorInfo", 2),
        methodName: field("string", 3),
      },
    },
    TensorInfo: {
      fields: { name: field("string", 1), dtype: field("int32", 2), shape: field("TensorShape", 3) },
    },
    TensorShape: { fields: { dim: repeated("Dim", 2) } },
    Dim: { fields: { size: field("int64", 1) } },
  },
});

/** `TensorInfo`. */
export interface TensorInfo {
  /** Node and output: "x:0". */
  name: string;
  /** `TF_DataType`. */
  dtype: number;
  /** -1 for open lengths. */
  shape: { dim: { size: number }[] };
}

/** `VariableDef`. */
export interface VariableDef {
  handle: string;
  initializer: string;
  snapshot: string;
  isResource: boolean;
  trainable: boolean;
}

/** `MetaGraphDef`: a graph with the information that a loader needs. */
export interface MetaGraphDef {
  metaInfo: { operations: { op: Uint8Array[] }; tags: string[]; tensorflowVersion: string };
  graphDef: Uint8Array;
  saver: {
    filenameTensor: string;
    saveTensor: string;
    restoreOp: string;
    maxToKeep: number;
    version: number;
  };
  /** Collection name -> serialised `VariableDef`s. */
  collections: Record<string, { bytesList: { value: Uint8Array[] } }>;
  signatures: Record<
    string,
    { inputs: Record<string, TensorInfo>; outputs: Record<string, TensorInfo>; methodName: string }
  >;
}

interface Messages {
  SavedModel: { schemaVersion: number; metaGraphs: MetaGraphDef[] };
  VariableDef: VariableDef;
}

/** Encodes a message. */
export function encodeSavedModelProto<M extends keyof Messages>(name: M, message: Messages[M]): Uint8Array {
  return SCHEMA.lookupType(name).encode(message).finish();
}

/** Returns the operations of these names from a serialised `OpList`, each still serialised, sorted by name. */
export function selectOperations(opList: Uint8Array, names: ReadonlySet<string>): Uint8Array[] {
  const named = SCHEMA.lookupType("NamedMessage");
  const { op } = SCHEMA.lookupType("RawOpList").decode(opList) as unknown as { op: Uint8Array[] };
  return op
    .map((bytes) => ({ bytes, name: (named.decode(bytes) as unknown as { name: string }).name }))
    .filter(({ name }) => names.has(name))
    .sort((a, b) => byCodeUnit(a.name, b.name))
    .map(({ bytes }) => bytes);
}

/** Sorts the attributes of each node of a serialised `GraphDef`: TensorFlow's order changes with every process. */
export function withSortedAttributes(graphDef: Uint8Array): Uint8Array {
  const [graphType, nodeType] = [SCHEMA.lookupType("RawGraphDef"), SCHEMA.lookupType("RawNodeDef")];
  const graph = graphType.decode(graphDef) as unknown as { node: Uint8Array[] };
  const node = graph.node.map((bytes) => {
    const decoded = nodeType.decode(bytes) as unknown as { attr: Uint8Array[] };
    return nodeType.encode({ ...decoded, attr: [...decoded.attr].sort(Buffer.compare) }).finish();
  });
  return graphType.encode({ ...graph, node }).finish();
}
