// The engine: tfjs functions traced into TensorFlow graphs, run by TensorFlow's C library.

export { tf } from "../engine/native/tf";
export { describeDevice } from "../engine/native/device";
export { Program } from "../engine/program/program";
export { trace } from "../engine/program/traced_function";
export { scope } from "../engine/tracing/scope";
export { rawOp } from "../engine/tracing/raw_op";
