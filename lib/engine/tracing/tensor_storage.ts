// What the tracing backend keeps of each tensor.
import { UserError } from "../../common/errors";
import { dtypeOfCode, type NumericArray } from "../native/dtypes";
import { calledFunction, engineState } from "../native/tfjs_engine";
import { EndedTensor, explainEndedTensors } from "./ended_tensor";

/** What tfjs-node's backend keeps of a tensor. */
export interface TensorData {
  shape: number[];
  /** `TF_DataType`. */
  dtype: number;
  /** The binding's number for the tensor, or -1 while `values` waits for its first use. */
  id: number;
  values: NumericArray | readonly Uint8Array[] | null;
  refCount: number;
}

/** Stands in for tfjs's `DataStorage`, which would take tensors of other backends away from them. */
export class TensorStorage {
  readonly #data = new Map<object, TensorData>();
  /** All that was ever stored, with what an error says of it. */
  readonly #seen = new Map<object, EndedTensor>();

  /**
   * @param call what uses the tensor, for messages; default: the tfjs function that runs
   * @throws UserError for a tensor that was not made in this trace, or is disposed
   */
  get(dataId: object, call = calledFunction()): TensorData {
    const data = this.#data.get(dataId);
    if (data) return data;
    const outside = engineState().tensorInfo.get(dataId);
    if (outside instanceof EndedTensor) throw outside.errorOf(call);
    if (!outside) {
      throw new UserError(
        `${call} got a tensor that is disposed.`,
        "Return it from the tf.tidy in which it was made, or dispose of it later.",
      );
    }
    throw new UserError(
      `${call} got a tensor ${outside.dtype}[${outside.shape}] that was made outside of the traced function.`,
      "Pass it in as an input, declare it as a variable, or make it inside of the function.",
    );
  }

  set(dataId: object, data: TensorData): void {
    this.#data.set(dataId, data);
    this.#seen.set(dataId, new EndedTensor(dtypeOfCode(data.dtype), data.shape));
  }

  has(dataId: object): boolean {
    return this.#data.has(dataId);
  }

  delete(dataId: object): boolean {
    return this.#data.delete(dataId);
  }

  numDataIds(): number {
    return this.#data.size;
  }

  /**
   * Ends the trace: takes every tensor that is left out of the engine's books. Those that are disposed are marked
   * there, so that a later use of them is told from any other mistake.
   */
  forgetAll(): void {
    const state = engineState();
    explainEndedTensors();
    for (const [dataId, ended] of this.#seen) {
      if (!this.#data.has(dataId)) state.tensorInfo.set(dataId, ended);
    }
    this.#seen.clear();
    for (const [dataId, { refCount }] of this.#data) {
      const { bytes, dtype } = state.tensorInfo.get(dataId)!;
      state.numTensors -= refCount;
      state.numBytes -= refCount * bytes;
      if (dtype === "string") state.numStringTensors -= refCount;
      state.numDataBuffers--;
      state.tensorInfo.delete(dataId);
    }
    this.#data.clear();
  }
}
