// Requirements of the set-up, the TensorFlow wheel, the Dockerfile.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { temporaryFolder } from "../folders";

const machineModule = () => import(pathToFileURL(installPath("scripts/setup/machine.mjs")).href);

/** A machine that meets all requirements. */
const LINUX = { node: "20.19.2", platform: "linux", arch: "x64", glibc: "2.41" };

const refusal = async (machine: object) => {
  const { checkMachine } = await machineModule();
  try {
    checkMachine({ ...LINUX, ...machine });
  } catch (error) {
    const { message, next } = error as { message: string; next: string };
    return `${message} -> ${next}`;
  }
  return "none";
};

test("systems without TensorFlow wheels get the command that helps, in one line", async () => {
  assert.match(
    await refusal({ platform: "darwin", arch: "arm64" }),
    /^needed: Linux on x64 or arm64 .*; found: darwin arm64 -> docker build -t guie \. .*docs\/start\/docker\.md\)$/,
  );
  assert.match(
    await refusal({ platform: "win32" }),
    /; found: win32 x64 -> wsl --install, .*docs\/start\/docker\.md\)$/,
  );
  assert.match(
    await refusal({ arch: "riscv64" }),
    /; found: linux riscv64 -> use a Linux machine with x64 or arm64$/,
  );
  assert.match(
    await refusal({ glibc: undefined }),
    /^needed: glibc .*; found: another C library, such as Alpine's musl -> .*docker build -t guie \./,
  );
  assert.match(
    await refusal({ node: "18.20.4" }),
    /Node\.js 20\.19 or newer; found: v18\.20\.4 -> .*nvm install 22$/,
  );
  for (const node of ["20.19.0", "22.1.0", "26.12.1"]) assert.equal(await refusal({ node }), "none");
});

test("TensorFlow's CUDA wheel is used if nvidia-smi answers, or if GUIE_TENSORFLOW names it", async (t) => {
  const { tensorflowWheel } = await machineModule();
  const folder = temporaryFolder(t);
  const PATH = [folder, "/usr/bin", "/bin"].join(delimiter);
  const answer = (status: number) =>
    writeFileSync(join(folder, "nvidia-smi"), `#!/bin/sh\nexit ${status}\n`, { mode: 0o755 });
  answer(9);
  assert.equal(tensorflowWheel({ PATH }), "cpu");
  assert.equal(tensorflowWheel({ PATH, GUIE_TENSORFLOW: "cuda" }), "cuda");
  answer(0);
  assert.equal(tensorflowWheel({ PATH }), "cuda");
  assert.equal(tensorflowWheel({ PATH, GUIE_TENSORFLOW: "" }), "cuda");
  assert.equal(tensorflowWheel({ PATH, GUIE_TENSORFLOW: "cpu" }), "cpu");
  assert.throws(
    () => tensorflowWheel({ PATH, GUIE_TENSORFLOW: "gpu" }),
    /GUIE_TENSORFLOW is "gpu"; .*: cpu, cuda/,
  );
});

test("a container image contains nothing of a working folder that git ignores", () => {
  const lines = (file: string) => readFileSync(installPath(file), "utf8").split("\n").filter(Boolean);
  // A name without a slash matches in every folder in .gitignore, but only in the top folder in .dockerignore
  const inEveryFolder = ["node_modules/", "dist/", "*.tsbuildinfo", ".ipynb_checkpoints/"];
  const patterns = lines(".gitignore").map((line) =>
    inEveryFolder.includes(line) ? `**/${line}` : line.replace(/^\//, ""),
  );
  assert.deepEqual(lines(".dockerignore"), [".git", ...patterns]);
});

test("the stages of the Dockerfile: the last is the CPU's, both begin with the same base", async () => {
  const { parseDockerfile, stageOf } = await import(
    pathToFileURL(installPath("scripts/check/bare/dockerfile.mjs")).href
  );
  const instructions = parseDockerfile(readFileSync(installPath("Dockerfile"), "utf8"));
  const ofStage = (name?: string): string[] =>
    stageOf(instructions, name).map(([word, rest]: [string, string]) => `${word} ${rest}`);
  const [cpu, cuda] = [ofStage(), ofStage("cuda")];
  assert.deepEqual(cpu, ofStage("cpu"));
  assert.equal(cpu[0], "FROM debian:13-slim");
  assert.match(
    cpu[1]!,
    /^RUN apt-get update && apt-get install .* nodejs npm python3 python3-venv g\+\+ && rm/,
  );
  assert.deepEqual(
    cuda.filter((line) => !cpu.includes(line)),
    ["ENV GUIE_TENSORFLOW=cuda NVIDIA_DRIVER_CAPABILITIES=compute,utility"],
  );
  assert.ok(cpu.indexOf("USER guie") < cpu.indexOf("RUN npm run setup"), "the set-up is an ordinary user's");
  assert.match(cpu.find((line) => line.startsWith("CMD"))!, /--ip=0\.0\.0\.0/);
  assert.doesNotMatch(cpu.join("\n"), /token=|allow-root/i);
  assert.throws(() => stageOf(instructions, "gpu"), /no stage gpu/);
});
