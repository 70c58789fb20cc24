// Finds the call that reads a tensor while tracing, for the error message.
import { tf } from "../native/tf";
import { calledFunction } from "../native/tfjs_engine";

/** Methods of a tensor that need its value. */
const METHODS = [
  "array",
  "arraySync",
  "buffer",
  "bufferSync",
  "bytes",
  "data",
  "dataSync",
  "print",
  "toString",
];

/** The outermost of these methods that is running in a trace. */
let running: string | undefined;

/**
 * Makes the reading methods of tensors record their names, so that an error can say which one was called. Called at
 * the beginning of a trace.
 * @returns a function that restores the methods
 */
export function noteReads(): () => void {
  const prototype = tf.Tensor.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  const originals = METHODS.map((name) => [name, prototype[name]!] as const);
  for (const [name, original] of originals) {
    prototype[name] = function (...args) {
      const outer = running;
      running ??= name;
      try {
        return original.apply(this, args);
      } finally {
        running = outer;
      }
    };
  }
  return () => {
    for (const [name, original] of originals) prototype[name] = original;
  };
}

/** Returns the call that is reading a tensor while tracing, for messages: "tensor.arraySync()", "tf.whereAsync()". */
export function readingCall(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = stackTraceLimit;
  // tfjs's own asynchronous functions read through a tensor's method, and their names end in an underscore
  const asynchronous = /at (?:\w+\.)?(\w+Async)_? /.exec(stack)?.[1];
  if (asynchronous) return `tf.${asynchronous}()`;
  if (running === "toString") return "tensor.toString() (as in x > 0 or x + 1)";
  return running ? `tensor.${running}()` : calledFunction();
}
