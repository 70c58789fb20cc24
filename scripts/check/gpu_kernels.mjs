// `npm run check:gpu-kernels`: checks that every operation traced by presets and searches, or held by exports, has a
// GPU kernel. No GPU is needed: TensorFlow's CUDA library lists its kernels on any machine. Its wheel (546 MB) is
// downloaded once.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import coverage from "guie/dist/engine/graph/kernel_coverage.js";
import exports from "guie/dist/export/export_graphs.js";
import wheels from "guie/dist/pretrained/wheel.js";
import scoreGraphs from "guie/dist/retrieval/score_graph.js";
import sizes from "guie/dist/retrieval/search_sizes.js";
import graphs from "guie/dist/training/preset_graphs.js";
import { GPU_EXCUSES } from "./gpu_excuses.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const FOLDER = join(root, ".cache/tensorflow-cuda-2.21.0");

/** The CUDA wheel. Its Python version does not matter, since only its two libraries are used. */
const WHEEL = {
  requirement: "tensorflow==2.21.0",
  fileName: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
  sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
  pipOptions: ["--platform", "manylinux_2_27_x86_64", "--python-version", "3.11"],
};
const LIBRARIES = ["tensorflow/libtensorflow_framework.so.2", "tensorflow/libtensorflow_cc.so.2"];
const MAX_LIBRARY_BYTES = 2 ** 31;

/** Downloads and unpacks the two libraries if they are missing. */
async function fetchLibraries() {
  const missing = LIBRARIES.filter((member) => !existsSync(join(FOLDER, basename(member))));
  if (missing.length === 0) return;
  console.error(`check: fetching ${WHEEL.requirement} with CUDA (546 MB) into .cache ...`);
  const wheel = await wheels.fetchWheel(WHEEL);
  mkdirSync(FOLDER, { recursive: true });
  for (const member of missing)
    await wheels.unpackMember(wheel, member, join(FOLDER, basename(member)), MAX_LIBRARY_BYTES);
  rmSync(wheel);
}

/** Returns operation -> its kernels in the CUDA library, listed in a process without any other TensorFlow. */
function cudaKernels(ops) {
  const output = execFileSync(process.execPath, [join(root, "scripts/check/list_kernels.mjs")], {
    cwd: root,
    env: { ...process.env, TENSORFLOW_FOLDER: FOLDER },
    input: JSON.stringify(ops),
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(output);
}

/** Returns every graph with the operations it uses. */
async function tracedUses() {
  const traced = [];
  for (const { name, trace } of [...graphs.presetGraphs(), ...exports.exportGraphs()]) {
    const program = await trace();
    traced.push({ name, uses: coverage.operationUses(program.graph.nodes) });
    program.dispose();
  }
  return [...traced, ...searchUses()];
}

/**
 * Returns the graphs of exact searches: for the first block of the index and for later ones, by cosine and by distance.
 */
function searchUses() {
  return [false, true].flatMap((biased) =>
    [true, false].map((first) => {
      const shape = sizes.shapeOfSearch({ queries: 8, rows: 512, length: 4, depth: 5, biased });
      const graph = scoreGraphs.takeScoreGraph({ ...shape, first });
      const uses = coverage.operationUses(graph.nodes);
      graph.dispose();
      return { name: `search ${biased ? "by distance" : "by cosine"}, first block ${first}`, uses };
    }),
  );
}

async function main() {
  if (process.arch !== "x64") {
    console.error(
      `check: gpu kernels: TensorFlow's CUDA library is for x64, this machine is ${process.arch}: nothing checked`,
    );
    process.exitCode = 1;
    return;
  }
  await fetchLibraries();
  const traced = await tracedUses();
  const ops = [...new Set(traced.flatMap(({ uses }) => uses.map(({ op }) => op)))].sort();
  const kernels = cudaKernels(ops);
  const missing = new Map();
  const excused = new Set();
  for (const { name, uses } of traced) {
    const found = coverage.coverageOf(uses, (op) => kernels[op], "GPU", GPU_EXCUSES);
    for (const use of found.excused) excused.add(use.op in GPU_EXCUSES ? use.op : coverage.describeUse(use));
    for (const use of found.missing) missing.set(coverage.describeUse(use), `${name}, node ${use.example}`);
  }
  for (const [use, where] of missing) console.error(`check: no GPU kernel: ${use} in ${where}`);
  for (const op of excused) console.log(`check: on the CPU: ${op}: ${GPU_EXCUSES[op]}`);
  console.log(
    `check: gpu kernels: ${traced.length} graphs, ${ops.length} operations, ${missing.size} without a kernel`,
  );
  if (missing.size > 0) process.exitCode = 1;
}

await main();
