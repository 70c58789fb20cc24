// Prints the kernels of the operations on standard input (a JSON list of names) as JSON: operation -> kernels.
// Started by gpu_kernels.mjs with TENSORFLOW_FOLDER, so that the CUDA library is alone in its process.
import { readFileSync } from "node:fs";
import operations from "guie/dist/engine/native/operations.js";

const ops = JSON.parse(readFileSync(0, "utf8"));
const kernels = ops.map((op) => [op, operations.registeredKernels(op)]);
process.stdout.write(JSON.stringify(Object.fromEntries(kernels)));
