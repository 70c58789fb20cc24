// The tracing backend's data of each tensor.
import { UserError } from "../../common/errors";
import { dtypeOfCode, type NumericArray } from "../native/dtypes";
import { calledFunction, engineState } from "../native/tfjs_engine";
import { EndedTensor, explainEndedTensors } from "./ended_tensor";

/** Data of a tensor in tfjs-node's backend. */
export interface TensorData {
  shape: number[];
  /** `TF_DataType`. */
  dtype: number;
  /** The binding's number for the tensor; -1 until the first use of `values`. */
  id: number;
  values: NumericArray | readonly Uint8Array[] | null;
  refCount: number;
}

/** Replacement for tfjs's `DataStorage`, which would move tensors of other backends to this one. */
export class TensorStorage {
  readonly #data = new Map<object, TensorData>();
  /** Every tensor ever stored in this trace, with its error for later uses. */
  readonly #seen = new Map<object, EndedTensor>();

  /**
   * Returns a tensor's data.
   * @param call the call that uses the tensor, for messages; default: the tfjs function that runs
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
        "Return it from the tf.tidy that made it, or dispose of it later.",
      );
    }
    throw new UserError(
      `${call} got a tensor ${outside.dtype}[${outside.shape}] that was made outside of the traced function.`,
      "Pass it in as an input, declare it as a variable, or make it inside the function.",
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
   * Ends the trace: removes all remaining tensors from tfjs's table of tensors. Marks disposed ones there, so that
   * the error of a later use can name the cause.
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
