// What ran the rows of `npm run bench all`: CPU, cores, commit.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { cpuFlags } from "../shared/cases.mjs";
import { ROOT } from "../shared/paths.mjs";

/** Flags that change which kernels run, as Linux names them -> as a machine's kind names them. */
const SHOWN = { avx2: "avx2", avx512f: "avx512", avx512_bf16: "bf16", amx_bf16: "amx" };
/** Vendors, as Linux names them -> as a machine's kind names them. */
const VENDORS = { AuthenticAMD: "amd", GenuineIntel: "intel" };

/**
 * Returns the machine's CPU, the flags that matter, its cores, and its kind: machines of one kind are compared with each
 * other. No name of the host is in it.
 * @returns {{ kind: string, cpu: string, flags: string[], cores: number }}
 */
export function describeMachine(
  cpuinfo = readFileSync("/proc/cpuinfo", "utf8"),
  cores = availableParallelism(),
) {
  const read = (name) => new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(cpuinfo)?.[1].trim();
  const flags = cpuFlags(cpuinfo);
  const shown = Object.keys(SHOWN).filter((flag) => flags.has(flag));
  const names = shown.map((flag) => SHOWN[flag]);
  // avx512 implies avx2
  const kinds = names.includes("avx512") ? names.filter((name) => name !== "avx2") : names;
  const vendor = VENDORS[read("vendor_id")] ?? "other";
  return {
    kind: [vendor, ...kinds, `${cores}cores`].join("-"),
    cpu: read("model name") ?? "unknown",
    flags: names,
    cores,
  };
}

/** Returns the commit's short name, with "+" if files differ from it; "unknown" without git. */
export function describeCommit() {
  const git = (...args) => spawnSync("git", args, { cwd: ROOT, encoding: "utf8" }).stdout?.trim() ?? "";
  const name = git("rev-parse", "--short", "HEAD");
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/history");
  return name ? `${name}${changed ? "+" : ""}` : "unknown";
}
