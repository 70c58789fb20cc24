// Runs `guie serve` in its own process, for checks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/**
 * Starts the service on a free port of this machine.
 * @param folders `cwd` is its working folder, `temporary` its folder for temporary files
 * @returns its process, its address, and its log so far
 */
export async function startServiceProcess(run, { cwd, temporary }, more = []) {
  const args = [join(root, "lib/bin/guie.js"), "serve", "--model", run, "--port", "0", "--json", ...more];
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const service = { child, log: "", url: "", closed: once(child, "close") };
  child.stderr.on("data", (text) => {
    service.log += text;
  });
  while (!service.url) {
    assert.equal(child.exitCode, null, service.log);
    await sleep(50);
    service.url = /http:\S+(?=: open)/.exec(service.log)?.[0] ?? "";
  }
  return service;
}

/** Returns a process's resident memory in MB. */
export function residentMB(pid) {
  const [, kB] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kB) / 1000;
}

/** Returns the service's answer to /health. */
export async function health(url) {
  return (await fetch(`${url}/health`, { headers: { connection: "close" } })).json();
}
