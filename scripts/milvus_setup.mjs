// `npm run milvus:setup`: installs Milvus Lite, a Milvus server on this machine, in a Python environment of its own (455 MB).
// The tests of lib/milvus start it; without it they are skipped.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { installPeers, reportFailure } from "./setup/peers.mjs";

guardScript("milvus");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = ".cache/peers/milvus";
const PACKAGES = ["milvus-lite==3.2.2", "pymilvus==3.0.2"];

await reportFailure("milvus set-up", async () => {
  console.log(`milvus: ${PACKAGES.join(", ")} into ${FOLDER} ...`);
  await installPeers(root, FOLDER, PACKAGES, "npm run milvus:setup");
  console.log(
    `milvus: ready: ${FOLDER}/bin/milvus-lite server --data-dir data/milvus --host 127.0.0.1 --port 19530`,
  );
});
