// TensorFlow's C API as typed functions: `tensorflow/c/c_api.h`, `tf_tensor.h`, `tf_status.h`, `tf_buffer.h`.
import koffi, { type TypeObject } from "koffi";
import { openTensorflow } from "./library";

/** An address in memory that TensorFlow owns. */
export type Pointer = bigint;

/** `TF_Output`: one output of an operation. C functions take it by value. */
export interface OutputStruct {
  oper: Pointer;
  index: number;
}

/** TypeScript type that is passed for each C parameter type. */
interface ParameterTypes {
  pointer: Pointer | NodeJS.ArrayBufferView | null;
  string: string;
  strings: string[];
  int: number;
  int64: number | bigint;
  size: number;
  float: number;
  byte: number;
  output: OutputStruct;
}

/** TypeScript type that is returned for each C result type. */
interface ResultTypes {
  void: undefined;
  pointer: Pointer;
  string: string;
  int: number;
  int64: number | bigint;
  size: number | bigint;
}

type Signature = readonly [keyof ResultTypes, ...(keyof ParameterTypes)[]];

/** Function -> its result, then its parameters. Every struct of TensorFlow is an opaque pointer here. */
const SIGNATURES = {
  TF_NewStatus: ["pointer"],
  TF_DeleteStatus: ["void", "pointer"],
  TF_GetCode: ["int", "pointer"],
  TF_Message: ["string", "pointer"],

  TF_NewBuffer: ["pointer"],
  TF_NewBufferFromString: ["pointer", "pointer", "size"],
  TF_DeleteBuffer: ["void", "pointer"],
  TF_GetAllOpList: ["pointer"],
  TF_GetRegisteredKernelsForOp: ["pointer", "string", "pointer"],

  TF_AllocateTensor: ["pointer", "int", "pointer", "int", "size"],
  TF_DeleteTensor: ["void", "pointer"],
  TF_TensorType: ["int", "pointer"],
  TF_NumDims: ["int", "pointer"],
  TF_Dim: ["int64", "pointer", "int"],
  TF_TensorByteSize: ["size", "pointer"],
  TF_TensorData: ["pointer", "pointer"],
  TF_StringInit: ["void", "pointer"],
  TF_StringCopy: ["void", "pointer", "pointer", "size"],
  TF_StringGetDataPointer: ["pointer", "pointer"],
  TF_StringGetSize: ["size", "pointer"],
  TF_StringDealloc: ["void", "pointer"],

  TF_NewGraph: ["pointer"],
  TF_DeleteGraph: ["void", "pointer"],
  TF_GraphToGraphDef: ["void", "pointer", "pointer", "pointer"],
  TF_GraphGetTensorNumDims: ["int", "pointer", "output", "pointer"],
  TF_GraphGetTensorShape: ["void", "pointer", "output", "pointer", "int", "pointer"],

  TF_NewOperation: ["pointer", "pointer", "string", "string"],
  TF_SetDevice: ["void", "pointer", "string"],
  TF_AddInput: ["void", "pointer", "output"],
  TF_AddInputList: ["void", "pointer", "pointer", "int"],
  TF_AddControlInput: ["void", "pointer", "pointer"],
  TF_SetAttrString: ["void", "pointer", "string", "pointer", "size"],
  TF_SetAttrStringList: ["void", "pointer", "string", "strings", "pointer", "int"],
  TF_SetAttrInt: ["void", "pointer", "string", "int64"],
  TF_SetAttrIntList: ["void", "pointer", "string", "pointer", "int"],
  TF_SetAttrFloat: ["void", "pointer", "string", "float"],
  TF_SetAttrFloatList: ["void", "pointer", "string", "pointer", "int"],
  TF_SetAttrBool: ["void", "pointer", "string", "byte"],
  TF_SetAttrType: ["void", "pointer", "string", "int"],
  TF_SetAttrTypeList: ["void", "pointer", "string", "pointer", "int"],
  TF_SetAttrShape: ["void", "pointer", "string", "pointer", "int"],
  TF_SetAttrTensor: ["void", "pointer", "string", "pointer", "pointer"],
  TF_FinishOperation: ["pointer", "pointer", "pointer"],
  TF_OperationNumOutputs: ["int", "pointer"],
  TF_OperationOutputType: ["int", "output"],

  TF_NewServer: ["pointer", "pointer", "size", "pointer"],
  TF_ServerStart: ["void", "pointer", "pointer"],
  TF_ServerTarget: ["string", "pointer"],

  TF_NewSessionOptions: ["pointer"],
  TF_DeleteSessionOptions: ["void", "pointer"],
  TF_SetTarget: ["void", "pointer", "string"],
  TF_SetConfig: ["void", "pointer", "pointer", "size", "pointer"],
  TF_NewSession: ["pointer", "pointer", "pointer", "pointer"],
  TF_CloseSession: ["void", "pointer", "pointer"],
  TF_DeleteSession: ["void", "pointer", "pointer"],
  // session, run options; inputs, their tensors, count; outputs, their tensors, count; targets, count; metadata, status
  TF_SessionRun: [
    "void",
    "pointer",
    "pointer",
    "pointer",
    "pointer",
    "int",
    "pointer",
    "pointer",
    "int",
    "pointer",
    "int",
    "pointer",
    "pointer",
  ],
} as const satisfies Record<string, Signature>;

type ParametersOf<S> = S extends readonly [unknown, ...infer Kinds]
  ? { [I in keyof Kinds]: Kinds[I] extends keyof ParameterTypes ? ParameterTypes[Kinds[I]] : never }
  : never;
type ResultOf<S> = S extends readonly [infer Kind extends keyof ResultTypes, ...unknown[]]
  ? ResultTypes[Kind]
  : never;

/** A C function; `async` runs it on another thread and calls back on the main thread. */
interface NativeFunction<P extends unknown[], R> {
  (...args: P): R;
  async(...args: [...P, (error: unknown, result: R) => void]): void;
}

/** TensorFlow's C functions by name. */
export type CApi = {
  readonly [F in keyof typeof SIGNATURES]: NativeFunction<
    ParametersOf<(typeof SIGNATURES)[F]>,
    ResultOf<(typeof SIGNATURES)[F]>
  >;
};

let opened: CApi | undefined;

/**
 * Returns TensorFlow's C functions, bound once. The types are anonymous, so that a second copy of this module in the
 * same process (after a reload) can bind them again without a name clash.
 */
export function cApi(): CApi {
  opened ??= bind();
  return opened;
}

function bind(): CApi {
  const library = openTensorflow();
  const types: Record<string, string | TypeObject> = {
    void: "void",
    pointer: "void *",
    string: "str",
    strings: koffi.pointer("str"),
    int: "int",
    int64: "int64_t",
    size: "size_t",
    float: "float",
    byte: "uint8_t",
    output: koffi.struct({ oper: "void *", index: "int" }),
  };
  const functions = Object.entries(SIGNATURES).map(([name, [result, ...parameters]]) => [
    name,
    library.func(
      name,
      types[result]!,
      parameters.map((kind) => types[kind]!),
    ),
  ]);
  return Object.fromEntries(functions) as CApi;
}
