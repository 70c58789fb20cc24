// The TypeScript kernel: tslab, mended before it starts. The kernelspec (scripts/setup/kernel.mjs) runs this file
// with the connection file that Jupyter wrote.
const { startKernel } = require("tslab/dist/main");
const { mendAgain } = require("./again");
const { mendErrors } = require("./errors");
const { mendForAwait } = require("./for_await");
const { mendInspect } = require("./inspect");
const { mendInterrupt } = require("./interrupt");
const { mendOutput } = require("./output");
const { mendShorthand } = require("./shorthand");
const { openTensorflowFirst } = require("./tensorflow");

openTensorflowFirst();
mendOutput();
mendShorthand();
mendForAwait();
mendInspect();
mendErrors(() => startKernel({ configPath: process.argv[2], enableFindLocal: false }));
mendInterrupt();
mendAgain();
