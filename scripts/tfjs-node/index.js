// Replaces @tensorflow/tfjs-node, so that danfojs uses the workspace's binding.
module.exports = require("@tensorflow/tfjs-node-gpu");
