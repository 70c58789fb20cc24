// The environment of a run: device, machine, versions, commit.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { installPath } from "../common/project";
import type { SeedSettings } from "../config/run";
import { device } from "../engine/native/device";

/** The machine and the versions that made a run. */
export interface Environment {
  /** The device that computed; `warning` says why an existing GPU was not used. */
  device: { kind: "gpu" | "cpu"; name: string; warning?: string };
  cpu: { model: string; threads: number };
  memoryGB: number;
  /** "linux 6.1.0 x64" */
  platform: string;
  /** Versions by name: node, tensorflow, guie and PACKAGES. */
  versions: Record<string, string>;
  /** The project's commit, and whether its files have changed since; undefined outside a git checkout. */
  commit?: string;
  dirty?: boolean;
  seed: number;
}

/** Packages that training computes with. */
const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs", "sharp", "@duckdb/node-api"];

/** Describes this machine and these versions, for a run's environment.json. */
export function describeEnvironment({ seed }: SeedSettings): Environment {
  const { kind, name, tensorflowVersion, warning } = device();
  const cores = cpus();
  const packages = PACKAGES.map((name) => [name, versionOf(installPath("node_modules", name))]);
  return {
    device: { kind, name, warning },
    cpu: { model: cores[0]?.model.trim() ?? "unknown", threads: cores.length },
    memoryGB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${release()} ${process.arch}`,
    versions: {
      node: process.versions.node,
      tensorflow: tensorflowVersion,
      guie: versionOf(installPath("lib")),
      ...Object.fromEntries(packages),
    },
    ...gitState(),
    seed,
  };
}

function versionOf(folder: string): string {
  return JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).version;
}

function gitState(): Pick<Environment, "commit" | "dirty"> {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: installPath(), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    return { commit: git("rev-parse", "HEAD").trim(), dirty: git("status", "--porcelain").trim() !== "" };
  } catch {
    return {}; // not a git checkout
  }
}
