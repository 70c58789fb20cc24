// The TypeScript kernel: tslab, patched before it starts. The kernelspec (scripts/setup/kernel.mjs) runs this file
// with Jupyter's connection file.
require("./compiler").patchCompiler(); // before tslab loads the compiler
const { startKernel } = require("tslab/dist/main");
const { patchChildOutput } = require("./child_output");
const { offerComms } = require("./comms");
const { patchConverter } = require("./converter");
const { patchErrors } = require("./errors");
const { patchInspect } = require("./inspect");
const { patchInterrupt } = require("./interrupt");
const { patchOutput } = require("./output");
const { recordWatchers } = require("./own_files");
const { setPlace } = require("./place");
const { patchServer, showResult } = require("./server");
const { openTensorflowFirst } = require("./tensorflow");

openTensorflowFirst();
recordWatchers();
setPlace();
patchOutput();
offerComms();
patchChildOutput();
patchConverter();
patchInspect();
patchServer();
patchErrors(() => startKernel({ configPath: process.argv[2], enableFindLocal: false }), showResult);
patchInterrupt();
