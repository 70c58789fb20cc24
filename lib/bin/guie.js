#!/usr/bin/env node
// The `guie` command: starts the compiled command line, or says how to compile it.
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const main = join(__dirname, "../dist/cli/main.js");
if (existsSync(main)) require(main);
else {
  process.stderr.write("guie: lib is not built yet. Run `npm run setup` in the project's folder first.\n");
  process.exitCode = 1;
}
