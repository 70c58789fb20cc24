// Tensors whose trace is over. tfjs knows them as disposed; here they say what they were.
import { UserError } from "../../common/errors";
import { tf } from "../native/tf";
import { calledFunction, engineState } from "../native/tfjs_engine";

/** What tfjs finds in its books for such a tensor: asked where its value lies, it explains itself. */
export class EndedTensor {
  readonly bytes = 0;

  constructor(
    readonly dtype: string,
    readonly shape: number[],
  ) {}

  get backend(): never {
    throw this.errorOf(calledFunction());
  }

  /** @param call what used the tensor */
  errorOf(call: string): UserError {
    return new UserError(
      `${call} got a tensor ${this.dtype}[${this.shape}] of a traced function whose trace is over: it has no value.`,
      "Return it from the traced function, and use what run() gives.",
    );
  }
}

const EXPLAINED = Symbol.for("guie.explainedTensors");

/** From now on a tensor's own methods say so too, instead of "Tensor is disposed". */
export function explainEndedTensors(): void {
  const prototype = tf.Tensor.prototype as unknown as { throwIfDisposed(): void; [EXPLAINED]?: boolean };
  if (prototype[EXPLAINED]) return;
  prototype[EXPLAINED] = true;
  const original = prototype.throwIfDisposed;
  prototype.throwIfDisposed = function (this: tf.Tensor) {
    const info = engineState().tensorInfo.get(this.dataId);
    // Not by its class: after a reload of this library there is more than one
    if (info && "errorOf" in info) throw (info as EndedTensor).errorOf("A method");
    original.call(this);
  };
}
