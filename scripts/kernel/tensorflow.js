// Opens TensorFlow's libraries before tfjs loads. A cell may import @tensorflow/tfjs-node-gpu or danfojs-node before
// lib, and the libraries must then be open under their real path (lib/engine/native/library.ts says why). They are
// opened on that first import, so that a kernel that never computes still starts fast.
const Module = require("node:module");
const { join } = require("node:path");

const LIBRARY = join(__dirname, "../../lib/dist/engine/native/library.js");

/** Patches Node's loader to open the libraries before tfjs. */
function openTensorflowFirst() {
  const load = Module._load;
  Module._load = function (request, ...rest) {
    if (request === "@tensorflow/tfjs-node-gpu") require(LIBRARY).openTensorflow();
    return load.call(this, request, ...rest);
  };
}

module.exports = { openTensorflowFirst };
