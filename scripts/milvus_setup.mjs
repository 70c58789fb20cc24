// `npm run milvus:setup`: installs Milvus Lite, a Milvus server on this machine, in a Python environment of its own (455 MB).
// The tests of lib/milvus start it; without it they are skipped.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { run, SetupError } from "./setup/run.mjs";

guardScript("milvus");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = ".cache/peers/milvus";
const PACKAGES = ["milvus-lite==3.2.2", "pymilvus==3.0.2"];

try {
  console.log(`milvus: ${PACKAGES.join(", ")} into ${FOLDER} ...`);
  await run("python3", ["-m", "venv", FOLDER], { cwd: root, next: "sudo apt-get install python3-venv" });
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  await run(join(root, FOLDER, "bin/python"), [...install, ...PACKAGES], {
    cwd: root,
    next: "look at pip's message above (is the Python registry reachable?), then: npm run milvus:setup",
  });
  console.log(
    `milvus: ready: ${FOLDER}/bin/milvus-lite server --data-dir data/milvus --host 127.0.0.1 --port 19530`,
  );
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\nmilvus set-up failed: ${error.message}\n  Next: ${error.next}`);
  process.exitCode = 1;
}
