// Errors for tensors whose trace has ended: tfjs would only call them disposed.
import { UserError } from "../../common/errors";
import { tf } from "../native/tf";
import { calledFunction, engineState } from "../native/tfjs_engine";

/** Entry of such a tensor in tfjs's table of tensors. Reading its backend throws the explanation. */
export class EndedTensor {
  readonly bytes = 0;

  constructor(
    readonly dtype: string,
    readonly shape: number[],
  ) {}

  get backend(): never {
    throw this.errorOf(calledFunction());
  }

  /** Returns the error for a use of the tensor. @param call the call that used it */
  errorOf(call: string): UserError {
    return new UserError(
      `${call} got a tensor ${this.dtype}[${this.shape}] of a traced function whose trace is over: it has no value.`,
      "Return it from the traced function, and use the result of run().",
    );
  }
}

const EXPLAINED = Symbol.for("guie.explainedTensors");

/** Makes tensors' own methods throw the explanation instead of "Tensor is disposed"; called at the end of a trace. */
export function explainEndedTensors(): void {
  const prototype = tf.Tensor.prototype as unknown as { throwIfDisposed(): void; [EXPLAINED]?: boolean };
  if (prototype[EXPLAINED]) return;
  prototype[EXPLAINED] = true;
  const original = prototype.throwIfDisposed;
  prototype.throwIfDisposed = function (this: tf.Tensor) {
    const info = engineState().tensorInfo.get(this.dataId);
    // not by `instanceof`: after a reload of this library there are several classes of this name
    if (info && "errorOf" in info) throw (info as EndedTensor).errorOf("A method");
    original.call(this);
  };
}
