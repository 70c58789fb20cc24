// Prints the kernels of the operations on standard input (a JSON list of names) as JSON: operation -> kernels.
// gpu_kernels.mjs starts it with TENSORFLOW_FOLDER, so that its process has no TensorFlow but the CUDA library.
import { readFileSync } from "node:fs";
import operations from "guie/dist/engine/native/operations.js";

const ops = JSON.parse(readFileSync(0, "utf8"));
const kernels = ops.map((op) => [op, operations.registeredKernels(op)]);
process.stdout.write(JSON.stringify(Object.fromEntries(kernels)));
