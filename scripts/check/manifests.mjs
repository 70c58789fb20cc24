// npm run check:manifests: compares the Kubernetes manifests of scripts/cluster with the schemas of Kubernetes and
// Kubeflow. The validators are Python packages, installed once, into .cache (150 MB).
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "../guard.mjs";
import { installPeers } from "../setup/peers.mjs";

guardScript("check:manifests");
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const FOLDER = ".cache/peers/manifests";
const VALIDATORS = join(root, FOLDER);
const PACKAGES = ["kubernetes-validate==1.37.0", "kubeflow-training==1.9.4"];

if (!existsSync(join(VALIDATORS, "ready"))) {
  console.log(`check: ${PACKAGES.join(", ")} into ${FOLDER} ...`);
  await installPeers(root, FOLDER, PACKAGES, "npm run check:manifests");
  writeFileSync(join(VALIDATORS, "ready"), "");
}
const { status } = spawnSync(
  join(VALIDATORS, "bin/python"),
  [join(root, "scripts/check/manifests.py"), join(root, "scripts/cluster")],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
