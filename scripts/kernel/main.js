// The TypeScript kernel: tslab, mended before it starts. The kernelspec (scripts/setup/kernel.mjs) runs this file
// with the connection file that Jupyter wrote.
require("./compiler").mendCompiler(); // before tslab takes the compiler
const { startKernel } = require("tslab/dist/main");
const { mendChildOutput } = require("./child_output");
const { mendConverter } = require("./converter");
const { mendErrors } = require("./errors");
const { mendInspect } = require("./inspect");
const { mendInterrupt } = require("./interrupt");
const { mendOutput } = require("./output");
const { keepWatchers } = require("./own_files");
const { setPlace } = require("./place");
const { mendServer, showResult } = require("./server");
const { openTensorflowFirst } = require("./tensorflow");

openTensorflowFirst();
keepWatchers();
setPlace();
mendOutput();
mendChildOutput();
mendConverter();
mendInspect();
mendServer();
mendErrors(() => startKernel({ configPath: process.argv[2], enableFindLocal: false }), showResult);
mendInterrupt();
