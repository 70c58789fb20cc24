// Set-up step: compiles tfjs-node's binding against the TensorFlow wheel.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { tensorflowFolder } from "./python.mjs";
import { fingerprintOf, run } from "./run.mjs";

const PACKAGE = "node_modules/@tensorflow/tfjs-node-gpu";
const BINDING = `${PACKAGE}/lib/napi-v8/tfjs_binding.node`;

const BIND_ADDRESS = {
  source: "scripts/setup/bind_address.c",
  library: "node_modules/.setup/bind_address.so",
};

/** Compiles the library that binds TensorFlow's server, in runs of several processes, to its intended address only. */
async function compileBindAddress(root) {
  const target = join(root, BIND_ADDRESS.library);
  mkdirSync(join(target, ".."), { recursive: true });
  const options = ["-x", "c", "-O2", "-fPIC", "-shared", "-ldl"];
  const args = [...options, "-o", `${target}.tmp`, join(root, BIND_ADDRESS.source)];
  await run("c++", args, { cwd: root, next: "sudo apt-get install g++, then: npm run setup" });
  renameSync(`${target}.tmp`, target);
}

/**
 * The step that compiles tfjs-node-gpu's C++ binding against TensorFlow's wheel. The package's own installer would
 * download a libtensorflow of 2022; its source uses only TensorFlow's C API and Node-API, so one compiler call is
 * enough.
 */
export const bindingStep = {
  title: "TensorFlow binding (C++)",
  stampFile: "node_modules/.setup/binding",
  fingerprint: (root) =>
    fingerprintOf(
      [
        `${PACKAGE}/package.json`,
        "node_modules/node-api-headers/package.json",
        ".venv/.setup/python",
        BIND_ADDRESS.source,
      ].map((f) => join(root, f)),
    ),
  isWhole: (root) => [BINDING, BIND_ADDRESS.library].every((f) => existsSync(join(root, f))),
  async run(root) {
    const tensorflow = tensorflowFolder(root);
    const target = join(root, BINDING);
    mkdirSync(join(target, ".."), { recursive: true });
    const sources = ["tfjs_backend.cc", "tfjs_binding.cc"].map((name) =>
      join(root, PACKAGE, "binding", name),
    );
    const includes = [join(tensorflow, "include"), join(root, "node_modules/node-api-headers/include")];
    const args = [
      "-std=c++17",
      "-O2",
      "-fPIC",
      "-shared",
      "-DNAPI_VERSION=8",
      ...includes.map((folder) => `-I${folder}`),
      ...sources,
      "-o",
      `${target}.tmp`,
      `-L${tensorflow}`,
      "-l:libtensorflow_cc.so.2",
      "-l:libtensorflow_framework.so.2",
    ];
    await run("c++", args, { cwd: root, next: "sudo apt-get install g++, then: npm run setup" });
    renameSync(`${target}.tmp`, target);
    await compileBindAddress(root);
  },
};
