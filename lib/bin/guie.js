#!/usr/bin/env node
// The `guie` command: starts the compiled command line, or says how to compile it.
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const main = join(__dirname, "../dist/cli/main.js");

/** Errors of modules while they are loaded, with what to do next. */
const MENDS = [
  [/^Cannot find module/, "npm run setup"],
  [/could not allocate memory/, "ulimit -v unlimited (address space is reserved that is never used)"],
];

function start() {
  if (!existsSync(main))
    return complain("lib is not built yet. Run `npm run setup` in the project's folder first.");
  const { guardProcess } = require("../dist/cli/shared/exit_guard.js");
  guardProcess();
  const { load, run } = require(main);
  load().then(run, refuse);
}

/** Says what is missing on this machine: it shows when a command's modules are loaded, before the command could say it. */
function refuse(error) {
  const { fail } = require("../dist/cli/shared/exit_guard.js");
  const [, next] = MENDS.find(([pattern]) => pattern.test(error.message)) ?? [];
  if (next) complain(`${error.message.split("\n")[0]}\n  Next: ${next}`);
  else fail(error);
}

function complain(message) {
  process.stderr.write(`guie: ${message}\n`);
  process.exitCode = 1;
}

start();
