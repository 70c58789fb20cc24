// Simulates two hosts on this machine: network namespaces joined by a virtual cable. Needs root and iproute2.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

/** The two hosts. */
export const HOSTS = ["a", "b"].map((name, i) => ({
  namespace: `guie-${process.pid}-${name}`,
  cable: `guie${process.pid % 100000}${name}`,
  address: `10.213.77.${i + 1}`,
}));

/** Runs `ip`; returns { stdout }, or { failed } with the reason. */
function ip(...args) {
  const { status, stdout, error, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (error || status !== 0) return { failed: error?.message ?? stderr.trim() };
  return { stdout };
}

function must(...args) {
  const { failed } = ip(...args);
  assert.equal(failed, undefined, `ip ${args.join(" ")}: ${failed}`);
}

/**
 * Creates the hosts and their cable; a signal removes them.
 * @returns the reason if this is not permitted, else undefined
 */
export function makeHosts() {
  const { failed } = ip("netns", "add", HOSTS[0].namespace);
  if (failed !== undefined) return failed;
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, leave);
  must("netns", "add", HOSTS[1].namespace);
  must("link", "add", HOSTS[0].cable, "type", "veth", "peer", "name", HOSTS[1].cable);
  for (const { namespace, cable, address } of HOSTS) {
    must("link", "set", cable, "netns", namespace);
    must("-n", namespace, "addr", "add", `${address}/24`, "dev", cable);
    for (const device of ["lo", cable]) must("-n", namespace, "link", "set", device, "up");
  }
  return undefined;
}

/** Kills the processes of the hosts, and removes the hosts. */
export function removeHosts() {
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeListener(signal, leave);
  for (const { namespace } of HOSTS) {
    for (const pid of processesOf(namespace)) process.kill(pid, "SIGKILL");
    ip("netns", "del", namespace);
  }
}

function leave() {
  removeHosts();
  process.exit(1);
}

/** Returns the process ids of a host. */
export function processesOf(namespace) {
  const { stdout = "" } = ip("netns", "pids", namespace);
  return stdout.split("\n").filter(Boolean).map(Number);
}

/** Connects or cuts the cable. @param state `up` or `down` */
export function setCable(state) {
  must("-n", HOSTS[0].namespace, "link", "set", HOSTS[0].cable, state);
}

/**
 * Limits the sending rate of each host.
 * @returns the reason if the kernel does not support this, else undefined
 */
export function limitCable(megabitsPerSecond) {
  for (const { namespace, cable } of HOSTS) {
    const limit = ["rate", `${megabitsPerSecond}mbit`, "burst", "256kb", "latency", "100ms"];
    const args = ["netns", "exec", namespace, "tc", "qdisc", "add", "dev", cable, "root", "tbf", ...limit];
    const { failed } = ip(...args);
    if (failed !== undefined) return failed;
  }
  return undefined;
}
