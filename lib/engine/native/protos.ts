// TensorFlow's protocol buffers that pass through its C API, with the fields that are used here.
// Sources: tensorflow/core/framework/{op_def,kernel_def,attr_value,step_stats}.proto,
// core/protobuf/{config,cluster,tensorflow_server}.proto
import protobuf from "protobufjs/light";

const repeated = (type: string, id: number) => ({ rule: "repeated", type, id });
const field = (type: string, id: number) => ({ type, id });
const mapOf = (keyType: string, type: string, id: number) => ({ keyType, type, id });

const SCHEMA = protobuf.Root.fromJSON({
  nested: {
    OpList: { fields: { op: repeated("OpDef", 1) } },
    OpDef: {
      fields: {
        name: field("string", 1),
        inputArg: repeated("ArgDef", 2),
        outputArg: repeated("ArgDef", 3),
        attr: repeated("AttrDef", 4),
        isStateful: field("bool", 17),
      },
    },
    ArgDef: {
      fields: {
        name: field("string", 1),
        type: field("int32", 3),
        typeAttr: field("string", 4),
        numberAttr: field("string", 5),
        typeListAttr: field("string", 6),
      },
    },
    AttrDef: {
      fields: { name: field("string", 1), type: field("string", 2), defaultValue: field("AttrValue", 3) },
    },
    AttrValue: {
      // distinguishes false or 0 from a field that is not set
      oneofs: { value: { oneof: ["list", "s", "i", "f", "b", "type"] } },
      fields: {
        list: field("AttrList", 1),
        s: field("bytes", 2),
        i: field("int64", 3),
        f: field("float", 4),
        b: field("bool", 5),
        type: field("int32", 6),
      },
    },
    AttrList: { fields: { i: repeated("int64", 3), type: repeated("int32", 6) } },
    KernelList: { fields: { kernel: repeated("KernelDef", 1) } },
    KernelDef: {
      fields: {
        op: field("string", 1),
        deviceType: field("string", 2),
        constraint: repeated("KernelConstraint", 3),
        label: field("string", 5),
      },
    },
    KernelConstraint: { fields: { name: field("string", 1), allowedValues: field("AttrValue", 2) } },
    ConfigProto: {
      fields: {
        deviceCount: mapOf("string", "int32", 1),
        deviceFilters: repeated("string", 4),
        intraOpThreads: field("int32", 2),
        interOpThreads: field("int32", 5),
        gpuOptions: field("GpuOptions", 6),
        allowSoftPlacement: field("bool", 7),
        usePerSessionThreads: field("bool", 9),
        graphOptions: field("GraphOptions", 10),
        rpcOptions: field("RpcOptions", 13),
        experimental: field("Experimental", 16),
      },
    },
    Experimental: { fields: { collectiveGroupLeader: field("string", 1) } },
    RpcOptions: { fields: { numChannelsPerTarget: field("int32", 6) } },
    ServerDef: {
      fields: {
        cluster: field("ClusterDef", 1),
        jobName: field("string", 2),
        taskIndex: field("int32", 3),
        defaultSessionConfig: field("ConfigProto", 4),
        protocol: field("string", 5),
      },
    },
    ClusterDef: { fields: { job: repeated("JobDef", 1) } },
    JobDef: { fields: { name: field("string", 1), tasks: mapOf("int32", "string", 2) } },
    GraphOptions: { fields: { optimizerOptions: field("OptimizerOptions", 3) } },
    OptimizerOptions: { fields: { globalJitLevel: field("int32", 5), cpuGlobalJit: field("bool", 7) } },
    GpuOptions: { fields: { allowGrowth: field("bool", 4) } },
    RunOptions: { fields: { traceLevel: field("int32", 1) } },
    RunMetadata: { fields: { stepStats: field("StepStats", 1) } },
    StepStats: { fields: { devices: repeated("DeviceStats", 1) } },
    DeviceStats: { fields: { device: field("string", 1), nodes: repeated("NodeStats", 2) } },
    NodeStats: {
      fields: {
        name: field("string", 1),
        startMicros: field("int64", 2),
        opStartMicros: field("int64", 3),
        opEndMicros: field("int64", 4),
      },
    },
  },
});

/** `ArgDef`: one input or output of an operation, or a list of them. */
export interface ArgDef {
  name: string;
  /** `TF_DataType`, if it is fixed. */
  type?: number;
  /** Attribute that holds the dtype. */
  typeAttr?: string;
  /** Attribute that holds the length of a list of tensors of one dtype. */
  numberAttr?: string;
  /** Attribute that holds the dtypes of a list of tensors. */
  typeListAttr?: string;
}

/** `AttrValue`; exactly one field is set. */
export interface AttrValue {
  list?: { i: number[]; type: number[] };
  s?: Uint8Array;
  i?: number;
  f?: number;
  b?: boolean;
  type?: number;
}

/** `OpDef`. */
export interface OpDef {
  name: string;
  inputArg: ArgDef[];
  outputArg: ArgDef[];
  attr: { name: string; type: string; defaultValue?: AttrValue }[];
  isStateful?: boolean;
}

/** `KernelDef`. */
export interface KernelDef {
  op: string;
  deviceType: string;
  constraint: { name: string; allowedValues?: AttrValue }[];
  label?: string;
}

/** `ConfigProto`. */
export interface ConfigProto {
  /** Largest number of devices by kind. */
  deviceCount?: Record<string, number>;
  intraOpThreads?: number;
  interOpThreads?: number;
  usePerSessionThreads?: boolean;
  allowSoftPlacement?: boolean;
  gpuOptions?: { allowGrowth?: boolean };
  graphOptions?: { optimizerOptions: { globalJitLevel: number; cpuGlobalJit: boolean } };
  /** Devices of the cluster that a session sees. */
  deviceFilters?: string[];
  experimental?: { collectiveGroupLeader: string };
  rpcOptions?: { numChannelsPerTarget: number };
}

/** `ServerDef`: one task of a cluster. */
export interface ServerDef {
  cluster: { job: { name: string; tasks: Record<number, string> }[] };
  jobName: string;
  taskIndex: number;
  defaultSessionConfig: ConfigProto;
  protocol: string;
}

/** `RunMetadata`. Times are in microseconds: the start absolute, the rest since the start. */
export interface RunMetadata {
  stepStats?: {
    devices: {
      device: string;
      nodes: { name: string; startMicros: number; opStartMicros?: number; opEndMicros?: number }[];
    }[];
  };
}

/** Message name -> its TypeScript type. */
interface Messages {
  OpList: { op: OpDef[] };
  KernelList: { kernel: KernelDef[] };
  ConfigProto: ConfigProto;
  ServerDef: ServerDef;
  RunOptions: { traceLevel: number };
  RunMetadata: RunMetadata;
}

/** Decodes a message. */
export function decodeProto<M extends keyof Messages>(name: M, bytes: Uint8Array): Messages[M] {
  const type = SCHEMA.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number, arrays: true, bytes: Uint8Array }) as Messages[M];
}

/** Encodes a message. */
export function encodeProto<M extends keyof Messages>(name: M, message: Messages[M]): Uint8Array {
  return SCHEMA.lookupType(name).encode(message).finish();
}
