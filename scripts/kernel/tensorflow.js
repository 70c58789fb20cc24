// A cell may import @tensorflow/tfjs-node-gpu or danfojs-node before anything of lib. TensorFlow's libraries must
// be open by then, by their real path (lib/engine/native/library.ts says why): they are opened on that first import,
// so that a kernel which never computes starts as fast as ever.
const Module = require("node:module");
const { join } = require("node:path");

const LIBRARY = join(__dirname, "../../lib/dist/engine/native/library.js");

function openTensorflowFirst() {
  const load = Module._load;
  Module._load = function (request, ...rest) {
    if (request === "@tensorflow/tfjs-node-gpu") require(LIBRARY).openTensorflow();
    return load.call(this, request, ...rest);
  };
}

module.exports = { openTensorflowFirst };
