import { UserError } from "../common/errors";
import type { NumericArray } from "./dtypes";
import { calledFunction, engineState } from "./tfjs_engine";

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

  /** @throws UserError for a tensor that was not made while tracing */
  get(dataId: object): TensorData {
    const data = this.#data.get(dataId);
    if (data) return data;
    const outside = engineState().tensorInfo.get(dataId);
    throw new UserError(
      `${calledFunction()} got a tensor ${outside?.dtype}[${outside?.shape}] that was made outside of the traced function.`,
      "Pass it in as an input, declare it as a variable, or make it inside of the function.",
    );
  }

  set(dataId: object, data: TensorData): void {
    this.#data.set(dataId, data);
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

  /** Takes every tensor out of the engine's books; returns how many there were. */
  forgetAll(): number {
    const state = engineState();
    let count = 0;
    for (const [dataId, { refCount }] of this.#data) {
      const { bytes, dtype } = state.tensorInfo.get(dataId)!;
      count += refCount;
      state.numTensors -= refCount;
      state.numBytes -= refCount * bytes;
      if (dtype === "string") state.numStringTensors -= refCount;
      state.numDataBuffers--;
      state.tensorInfo.delete(dataId);
    }
    this.#data.clear();
    return count;
  }
}
