// Sends the output of child processes with `stdio: "inherit"` to the cell instead of the terminal of Jupyter's server.
const childProcess = require("node:child_process");
const { closeSync, mkdtempSync, openSync, readFileSync, rmSync } = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

/** Synchronous calls; their options follow the command and its optional arguments. */
const WAITING_CALLS = ["spawnSync", "execFileSync", "execSync"];

/** Returns the kernel's stream to which a child would write; undefined for any other kind of output. */
function inherited(place, kind) {
  if (kind === 1 || kind === process.stdout || (kind === "inherit" && place === 1)) return "stdout";
  if (kind === 2 || kind === process.stderr || (kind === "inherit" && place === 2)) return "stderr";
  return undefined;
}

/** Replaces inherited streams; returns { stdio, taken: [fd, name][] }. */
function replaceInherited(stdio, replacement) {
  const kinds = Array.isArray(stdio) ? [...stdio] : [stdio, stdio, stdio];
  const taken = [];
  for (const place of [1, 2]) {
    const name = inherited(place, kinds[place]);
    if (!name) continue;
    kinds[place] = replacement(name);
    taken.push([place, name]);
  }
  return { stdio: taken.length > 0 ? kinds : stdio, taken };
}

/** Patches asynchronous calls: forwards the child's output as it comes. */
function patchSpawn() {
  const { spawn } = childProcess.ChildProcess.prototype;
  childProcess.ChildProcess.prototype.spawn = function (options) {
    const { stdio, taken } = replaceInherited(options.stdio, () => "pipe");
    const result = spawn.call(this, { ...options, stdio });
    for (const [place, name] of taken) {
      this.stdio[place]?.on("data", (text) => process[name].write(text));
      this[place === 1 ? "stdout" : "stderr"] = null; // as with "inherit"
    }
    return result;
  };
}

/** Patches a synchronous call: the child writes to files, which are forwarded after it ends. */
function patchWaiting(call) {
  const original = childProcess[call];
  childProcess[call] = (...args) => {
    const place = args.findLastIndex((arg, i) => i > 0 && typeof arg === "object" && !Array.isArray(arg));
    const options = args[place];
    if (!options?.stdio || replaceInherited(options.stdio, String).taken.length === 0)
      return original(...args);
    const folder = mkdtempSync(join(tmpdir(), "kernel-output-"));
    const files = Object.fromEntries(
      ["stdout", "stderr"].map((name) => [name, openSync(join(folder, name), "a")]),
    );
    const { stdio } = replaceInherited(options.stdio, (name) => files[name]);
    try {
      return original(...args.with(place, { ...options, stdio }));
    } finally {
      for (const [name, file] of Object.entries(files)) {
        closeSync(file);
        const text = readFileSync(join(folder, name));
        if (text.length > 0) process[name].write(text);
      }
      rmSync(folder, { recursive: true });
    }
  };
}

/** Patches node:child_process. */
function patchChildOutput() {
  patchSpawn();
  for (const call of WAITING_CALLS) patchWaiting(call);
  syncBuiltinESMExports();
}

module.exports = { patchChildOutput };
