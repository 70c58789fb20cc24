// Tests exports to a disk that becomes full.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { tf } from "guie/dist/engine/native/tf";
import { findTower } from "guie/dist/model/towers";
import { temporaryFolder } from "../folders";
import { configOf, randomModel, writeRun } from "./models";

const mounts = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
const skip = !mounts && "no small disk can be mounted here";

test("a full disk is an error that names the output; no partial output remains", { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const tower = findTower("tiny");
  const config = configOf(tower, {});
  const weights = randomModel(tower, config);
  const run = await writeRun(folder, config, weights);
  tf.dispose(weights);
  const disk = join(folder, "disk");
  mkdirSync(disk);
  for (const [format, name] of [
    ["savedmodel", "model"],
    ["zip", "model.zip"],
    ["onnx", "onnx"],
  ] as const) {
    const guie = `"${process.execPath}" "${installPath("lib/bin/guie.js")}"`;
    const command = `${guie} export "${run}" --format ${format} --out "${disk}/${name}"; echo "rc $?"; ls -A "${disk}"`;
    const mount = `mount -t tmpfs -o size=24k none "${disk}"`;
    const { stdout, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", `${mount} && { ${command}; }`], {
      encoding: "utf8",
    });
    assert.equal(stdout, "rc 1\n", `${format}: ${stderr}`);
    assert.ok(stderr.startsWith(`guie export: ${disk}/${name}`), stderr);
    assert.match(stderr, / could not be written: the disk is full\.\n {2}Next: Make room .*\n$/);
  }
});
