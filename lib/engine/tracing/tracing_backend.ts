// The tfjs backend that records operations instead of computing them.
import { NodeJSKernelBackend } from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend";
import type { TensorMetadata, TFEOpAttr, TFJSBinding } from "@tensorflow/tfjs-node-gpu/dist/tfjs_binding";
import { UserError } from "../../common/errors";
import type { Attribute, Attributes } from "../graph/attributes";
import { describeTensor, type GraphNode, type GraphTensor } from "../graph/graph";
import { dtypeOfCode, dtypeRow } from "../native/dtypes";
import type { TensorValue } from "../native/host_tensor";
import { EngineError } from "../native/status";
import { tf } from "../native/tf";
import { calledFunction, runningFunctions } from "../native/tfjs_engine";
import { readingCall } from "./reading";
import type { Recorder } from "./recorder";
import { type TensorData, TensorStorage } from "./tensor_storage";

/** Name of the backend in tfjs while a function is traced. */
export const TRACER = "tracer";

/** tfjs functions that draw random numbers in JavaScript: traced, they would give the same numbers in every run. */
const RANDOM_FUNCTIONS = [
  "dropout",
  "rand",
  "randomGamma",
  "randomNormal",
  "randomStandardNormal",
  "randomUniform",
  "randomUniformInt",
  "truncatedNormal",
];

/**
 * A tfjs backend that computes nothing: every operation becomes a node of a graph. It is tfjs-node's own backend with
 * its kernels, but its binding adds nodes instead of calling TensorFlow's eager runtime.
 */
export class TracingBackend extends NodeJSKernelBackend {
  readonly recorder: Recorder;
  readonly storage = new TensorStorage();
  /** Error that could not be thrown through tfjs; the trace throws it at its end. */
  failure: unknown;
  readonly #graphTensors: GraphTensor[] = [];

  constructor(recorder: Recorder) {
    const eager = tf.findBackend("tensorflow") as NodeJSKernelBackend;
    const binding = copyOf(eager.binding);
    super(binding, TRACER);
    this.recorder = recorder;
    Object.assign(this, { tensorMap: this.storage });
    Object.assign(binding, {
      createTensor: (shape: number[], dtype: number, data: TensorValue["data"]) =>
        this.#register(recorder.constant({ dtype: dtypeOfCode(dtype), shape, data }, calledFunction)),
      executeOp: (op: string, attributes: TFEOpAttr[], ids: number[], outputCount: number) =>
        this.#execute(op, attributes, ids, outputCount),
      deleteTensor: () => {},
      tensorDataSync: (id: number) => this.#constantValues(id),
    });
  }

  /** Returns a tfjs tensor that represents a node's output. Lengths that only a run knows are -1. */
  toTensor(tensor: GraphTensor): tf.Tensor {
    if (!tensor.shape) {
      throw new UserError(
        `Not even the rank of ${tensor.node.name} is known while tracing: no tfjs tensor can represent it.`,
      );
    }
    const { id, shape, dtype: code } = this.#metadata(tensor);
    const dataId = {};
    this.storage.set(dataId, { shape, dtype: code, id, values: null, refCount: 1 });
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype: dtypeRow(tensor.dtype).tfjs });
  }

  /**
   * Returns the node output that a tfjs tensor represents.
   * @param call the call that uses it, for messages; default: the tfjs function that runs
   */
  toGraphTensor(tensor: tf.Tensor, call?: string): GraphTensor {
    const data = this.storage.get(tensor.dataId, call);
    this.#writeConstant(data);
    return this.#graphTensors[data.id]!;
  }

  /** Adds a node of any TensorFlow operation. */
  addOperation(op: string, inputs: readonly tf.Tensor[], attributes: Attributes): tf.Tensor[] {
    const tensors = inputs.map((input) => this.toGraphTensor(input, op));
    return this.recorder.add(op, tensors, attributes).outputs.map((output) => this.toTensor(output));
  }

  /** Returns the same value, available only after these nodes have run. */
  identityAfter(tensor: tf.Tensor, nodes: readonly GraphNode[]): tf.Tensor {
    const input = this.toGraphTensor(tensor);
    return this.toTensor(this.recorder.add("Identity", [input], {}, "after", nodes).outputs[0]!);
  }

  override write(values: TensorValue["data"], shape: number[], dtype: tf.DataType): object {
    const random = runningFunctions().find((name) => RANDOM_FUNCTIONS.includes(name));
    if (random) {
      throw new UserError(
        `tf.${random} draws its numbers while tracing, so every run would use the same ones.`,
        "Draw them outside and pass them in as an input, or use rawOp with TensorFlow's stateless random operations.",
      );
    }
    return super.write(values as never, shape, dtype);
  }

  override async read(dataId: object): ReturnType<NodeJSKernelBackend["read"]> {
    try {
      return this.readSync(dataId);
    } catch (error) {
      // A rejected promise that nobody awaits would end the process, so the trace itself throws the error.
      this.failure ??= error;
      return new Promise(() => {});
    }
  }

  #writeConstant(data: TensorData): void {
    if (data.values === null) return;
    data.id = this.binding.createTensor(data.shape, data.dtype, data.values as Float32Array);
    data.values = null;
  }

  #execute(op: string, attributes: TFEOpAttr[], ids: number[], outputCount: number): TensorMetadata[] {
    const inputs = ids.map((id) => this.#graphTensors[id]!);
    const unknown = inputs.find((input) => input.shape?.includes(null));
    if (unknown) throw shapeError(`${calledFunction()} got ${describeTensor(unknown)}: its shape`);
    const named = attributes.map(({ name, value }) => [name, value as Attribute]);
    const { outputs } = namingCall(() => this.recorder.add(op, inputs, Object.fromEntries(named)));
    const vague = outputs.slice(0, outputCount).find(({ shape }) => !shape || shape.includes(null));
    if (vague)
      throw shapeError(`${calledFunction()} gives ${describeTensor(vague)}: the shape of its result`);
    return outputs.slice(0, outputCount).map((output) => this.#metadata(output));
  }

  #metadata(tensor: GraphTensor): TensorMetadata {
    const label = this.getDTypeInteger(dtypeRow(tensor.dtype).tfjs);
    return { id: this.#register(tensor), shape: tensor.shape!.map((size) => size ?? -1), dtype: label };
  }

  #register(tensor: GraphTensor): number {
    return this.#graphTensors.push(tensor) - 1;
  }

  #constantValues(id: number): TensorValue["data"] {
    const { node } = this.#graphTensors[id]!;
    if (node.op === "Const") return (node.attributes.value as TensorValue).data;
    throw new UserError(
      `${readingCall()} was called while tracing: the value of ${node.name} is known only when the graph runs.`,
      "Return the tensor from the traced function, and read the result of run().",
    );
  }
}

/** Copies a binding with its constants and functions, which are read-only in the original. */
function copyOf(binding: TFJSBinding): TFJSBinding {
  const names = Object.getOwnPropertyNames(binding) as (keyof TFJSBinding)[];
  return Object.fromEntries(names.map((name) => [name, binding[name]])) as unknown as TFJSBinding;
}

/** Prefixes TensorFlow's message with the tfjs function that runs. */
function namingCall<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof EngineError) error.message = `${calledFunction()}: ${error.message}`;
    throw error;
  }
}

function shapeError(beginning: string): UserError {
  return new UserError(
    `${beginning} depends on the data, which are known only when the graph runs.`,
    "Use an operation whose result has a fixed shape, or compute this part outside of the traced function.",
  );
}
