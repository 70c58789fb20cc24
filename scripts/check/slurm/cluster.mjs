// A real Slurm on this machine: munged, slurmctld, and one slurmd for each of two nodes. Each node has its own
// processes and host name (namespaces), so that it can die like a machine. Everything is in a temporary folder.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The nodes of the cluster. Their GPUs are /dev/null by other names: they show what Slurm hands out, and cannot compute. */
export const NODES = [
  { name: "n1", address: "127.0.0.1" },
  { name: "n2", address: "127.0.0.2" },
];
const NODE_OF = Object.fromEntries(NODES.map((node) => [node.name, node]));
const GPUS_PER_NODE = 2;
/** Time in which a daemon ends. */
const END_MS = 5000;

/** The command that installs what the check needs. */
export const INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "slurm-wlm", "munge"];

const PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel", "unshare", "setpriv"];
/** Time without an answer after which Slurm counts a node as down: long enough for a job script to notice first. */
const NODE_TIMEOUT_SECONDS = 90;

/** Returns why no Slurm can be started here; undefined if one can. */
export function lackOf() {
  if (process.getuid() !== 0) return "it needs root (it makes namespaces and starts daemons)";
  const path = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const missing = PROGRAMS.filter((name) => spawnSync("which", [name], { env: path }).status !== 0);
  if (missing.length > 0) return `there is no ${missing.join(", ")}. Next: ${INSTALL.join(" ")}`;
  const { status, stderr } = spawnSync("unshare", [...NAMESPACES, "true"], { encoding: "utf8" });
  return status === 0 ? undefined : `namespaces cannot be made: ${stderr.trim()}`;
}

const NAMESPACES = ["--pid", "--uts", "--mount-proc", "--fork", "--kill-child"];

/** A running Slurm; `close` ends it with all its jobs. */
export class SlurmCluster {
  /** The environment of Slurm's commands. */
  env;
  #folder;
  #daemons = new Map();

  /** @param folder temporary folder for configuration, state and logs; the caller deletes it */
  constructor(folder) {
    this.#folder = folder;
    this.env = {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      SLURM_CONF: join(folder, "slurm.conf"),
    };
  }

  /** Starts all daemons; returns once both nodes are idle. */
  async start(ports) {
    for (const name of ["state", "n1", "n2"]) mkdirSync(join(this.#folder, name));
    writeFileSync(join(this.#folder, "munge.key"), randomBytes(1024), { mode: 0o400 });
    writeFileSync(join(this.#folder, "slurm.conf"), slurmConf(this.#folder, ports));
    writeFileSync(join(this.#folder, "gres.conf"), gresConf(this.#folder));
    this.#startDaemon("munged", "munged", mungeArguments(this.#folder));
    await sleep(500); // slurmctld ends if it finds no munged
    this.#startDaemon("slurmctld", "slurmctld", ["-D", "-c", "-f", this.env.SLURM_CONF]);
    for (const { name } of NODES) this.startNode(name);
    for (const { name } of NODES) await this.nodeState(name, /^IDLE/);
  }

  /** Boots a node. */
  startNode(name) {
    // unshare's child is the node's process 1: with it, all processes of the node end
    const script = `hostname ${name} && slurmd -D -f "$SLURM_CONF" -N ${name} & wait`;
    this.#startDaemon(name, "unshare", [...NAMESPACES, "sh", "-c", script]);
  }

  /** Kills a node with all its processes, as if its power were cut. */
  async killNode(name) {
    await this.#end(name, "SIGKILL");
  }

  /** Waits until a node's state matches. */
  async nodeState(name, pattern, seconds = 60) {
    const state = () => /State=(\S+)/.exec(this.run("scontrol", "show", "node", name))?.[1] ?? "";
    for (const end = Date.now() + 1000 * seconds; ; await sleep(200)) {
      if (pattern.test(state())) return;
      assert.ok(Date.now() < end, `node ${name} is ${state()}, not ${pattern}\n${this.logs()}`);
    }
  }

  /** Runs a command of Slurm; returns its output. @throws if it fails */
  run(command, ...args) {
    const { status, stdout, stderr } = this.tryRun(command, ...args);
    assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Runs a command of Slurm; returns `spawnSync`'s result. */
  tryRun(command, ...args) {
    return spawnSync(command, args, { env: this.env, encoding: "utf8", timeout: 60_000 });
  }

  /** Returns the last lines of all daemons' logs. */
  logs() {
    return [...this.#daemons.keys()]
      .map(
        (name) => `--- ${name}\n${readFileSync(this.#log(name), "utf8").split("\n").slice(-15).join("\n")}`,
      )
      .join("\n");
  }

  /** Ends all daemons, nodes and jobs. */
  async close() {
    const names = [...this.#daemons.keys()].reverse();
    for (const name of names) await this.#end(name, name in NODE_OF ? "SIGKILL" : "SIGTERM");
  }

  #log(name) {
    return join(this.#folder, `${name}.log`);
  }

  #startDaemon(name, command, args) {
    const log = openSync(this.#log(name), "a");
    // setpriv: a daemon ends with this process, however that ends
    const child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
      env: this.env,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const ended = new Promise((resolve) => {
      child.once("error", resolve);
      child.once("close", resolve);
    });
    this.#daemons.set(name, { child, ended });
  }

  async #end(name, signal) {
    const { child, ended } = this.#daemons.get(name);
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  }
}

function mungeArguments(folder) {
  const place = (name) => join(folder, name);
  return [
    ...["--foreground", "--force", "--socket", place("munge.socket"), "--key-file", place("munge.key")],
    ...["--pid-file", place("munged.pid"), "--seed-file", place("munge.seed")],
    ...["--log-file", place("munge.own.log"), "--num-threads", "2"],
  ];
}

function slurmConf(folder, { controller, nodes }) {
  const own = hostname();
  return `${Object.entries({
    ClusterName: "guie",
    SlurmctldHost: `${own}(127.0.0.1)`,
    SlurmctldPort: controller,
    SlurmUser: "root",
    AuthType: "auth/munge",
    AuthInfo: `socket=${join(folder, "munge.socket")}`,
    CredType: "cred/munge",
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    SwitchType: "switch/none",
    MpiDefault: "none",
    ReturnToService: 2,
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_CPU",
    SlurmdParameters: "config_overrides",
    JobAcctGatherType: "jobacct_gather/none",
    JobCompType: "jobcomp/none",
    AccountingStorageType: "accounting_storage/none",
    GresTypes: "gpu",
    StateSaveLocation: join(folder, "state"),
    SlurmdSpoolDir: join(folder, "%n"),
    SlurmctldPidFile: join(folder, "slurmctld.pid"),
    SlurmdPidFile: join(folder, "%n.pid"),
    SlurmdTimeout: NODE_TIMEOUT_SECONDS,
    KillWait: 30,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join("\n")}
${NODES.map(
  ({ name, address }, i) =>
    `NodeName=${name} NodeHostname=${own} NodeAddr=${address} Port=${nodes[i]} CPUs=4 RealMemory=1000 Gres=gpu:${GPUS_PER_NODE}`,
).join("\n")}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
`;
}

function gresConf(folder) {
  for (let i = 0; i < GPUS_PER_NODE; i++) execFileSync("mknod", [join(folder, `gpu${i}`), "c", "1", "3"]);
  return `Name=gpu File=${join(folder, `gpu[0-${GPUS_PER_NODE - 1}]`)}\n`;
}

/** Deletes a folder in which a daemon may still be writing its last lines. */
export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
