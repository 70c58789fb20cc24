// `npm run bench:setup`: installs the libraries that the benchmarks compare with, in their own Python environment and npm folder.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";
import { installPeers, reportFailure } from "./setup/peers.mjs";
import { run } from "./setup/run.mjs";

guardScript("bench");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = ".cache/peers/bench";
/** Peers from npm, in a folder of their own. */
const [NPM_FOLDER, NPM_PACKAGES] = [".cache/peers/atlas", ["regl-scatterplot@1.16.0"]];
const PACKAGES = [
  "torch==2.13.0",
  "numpy==2.4.6",
  "safetensors==0.8.0",
  "pandas==3.1.1",
  "opencv-python-headless==5.0.0.93",
  "albumentations==2.0.8",
  "faiss-cpu==1.15.0",
  "webdataset==1.0.2",
];

await reportFailure("bench set-up", async () => {
  console.log(`bench: ${PACKAGES.join(", ")} into ${FOLDER} ...`);
  await installPeers(root, FOLDER, PACKAGES, "npm run bench:setup");
  console.log(`bench: ${NPM_PACKAGES.join(", ")} into ${NPM_FOLDER} ...`);
  await run(
    "npm",
    [
      "install",
      "--no-save",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--prefix",
      NPM_FOLDER,
      ...NPM_PACKAGES,
    ],
    {
      cwd: root,
      next: "look at npm's message above (is the npm registry reachable?), then: npm run bench:setup",
    },
  );
  console.log(
    "bench: ready: npm run bench vit, npm run bench merge, npm run bench resize, npm run bench loader, npm run bench knn, npm run bench atlas",
  );
});
