// Stands in for @tensorflow/tfjs-node, so that danfojs uses the one binding.
module.exports = require("@tensorflow/tfjs-node-gpu");
