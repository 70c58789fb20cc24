// Tests `guie embed` on images of all kinds and with views, by a tower of random weights.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { installPath } from "guie/dist/common/project";
import { openFeatures } from "guie/dist/features/feature_files";
import sharp from "sharp";
import { temporaryFolder } from "../folders";

const GUIE = installPath("lib/bin/guie.js");

function embed(...args: string[]): {
  status: number | null;
  stderr: string;
  summary: Record<string, unknown>;
} {
  const command = [GUIE, "embed", ...args, "--config-name", "tiny", "--dtype", "float32", "--json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { status, stderr, summary: stdout ? JSON.parse(stdout) : {} };
}

/** Makes a picture that differs from its mirror image. */
const picture = (hue: number) =>
  sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="#fff"/><circle cx="12" cy="20" r="9" fill="hsl(${hue},80%,50%)"/></svg>`,
    ),
  );

test("in a folder with broken files the others are embedded and the broken ones listed; views are averaged", async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, "images");
  mkdirSync(join(images, "deep/er"), { recursive: true });
  await picture(10).png().toFile(join(images, "a.png"));
  await picture(10).flop().png().toFile(join(images, "a_mirrored.png"));
  await picture(200).webp({ lossless: true }).toFile(join(images, "deep/er/Ü b,c.webp"));
  const jpeg = await picture(90).jpeg().toBuffer();
  writeFileSync(join(images, "cut.jpg"), jpeg.subarray(0, jpeg.length >> 1));
  writeFileSync(join(images, "text.png"), "no image at all");
  writeFileSync(join(images, "notes.txt"), "not taken for an image");

  const plain = embed(images, "--out", join(folder, "plain"));
  assert.equal(plain.status, 0, plain.stderr);
  assert.deepEqual(
    [plain.summary.images, plain.summary.length, plain.summary.leftOut],
    [
      3,
      32,
      [
        { file: "notes.txt", reason: "no image" },
        { file: "cut.jpg", reason: "truncated or corrupt jpeg" },
        { file: "text.png", reason: "not an image (its first bytes are of no format that is read)" },
      ],
    ],
    JSON.stringify(plain.summary),
  );
  const features = openFeatures(join(folder, "plain"));
  assert.deepEqual([...(await features.readRows()).files], ["a.png", "a_mirrored.png", "deep/er/Ü b,c.webp"]);
  const skipped = readFileSync(join(folder, "plain/skipped.csv"), "utf8");
  assert.match(skipped, /^image_files,reason\ncut\.jpg,truncated or corrupt jpeg\ntext\.png,not an image/);

  const mirrored = embed(images, "--out", join(folder, "mirrored"), "--views", "mirror");
  assert.equal(mirrored.status, 0, mirrored.stderr);
  const [one, both] = [features, openFeatures(join(folder, "mirrored"))].map((part) => part.readAll());
  const row = (vectors: typeof one, i: number) => vectors!.data.subarray(i * 32, (i + 1) * 32);
  const mean = row(one, 0).map((value, j) => (value + row(one, 1)[j]!) / 2);
  const differences = row(one, 0).map((value, j) => Math.abs(value - row(one, 1)[j]!));
  assert.ok(Math.max(...differences) > 1e-3, "an image and its mirror image differ");
  for (const i of [0, 1]) {
    const difference = row(both, i).map((value, j) => Math.abs(value - mean[j]!));
    assert.ok(Math.max(...difference) < 1e-5, `row ${i} is the mean of both`);
  }

  const again = embed(images, "--out", join(folder, "plain"), "--views", "crops");
  assert.equal(again.status, 1);
  assert.match(again.stderr, /of other settings[\s\S]*--overwrite/);
});

test("a killed command resumes; a CSV with labels and folds", async (t) => {
  const folder = temporaryFolder(t);
  const lines = ["new_image_files,new_labels,dataset,fold"];
  for (let i = 0; i < 60; i++) {
    await picture(6 * i)
      .png()
      .toFile(join(folder, `${i}.png`));
    lines.push(`${i}.png,${i % 4},x,${i % 3}`, `${i}.png,${i % 4},x,${i % 3}`);
  }
  const csv = join(folder, "table.csv");
  writeFileSync(csv, `${lines.join("\n")}\n`);
  const args = [csv, "--data-dir", folder, "--out", join(folder, "out"), "--rows-per-shard", "2"];
  const killed = spawn(process.execPath, [
    GUIE,
    "embed",
    ...args,
    "--config-name",
    "tiny",
    "--dtype",
    "float32",
  ]);
  const third = join(folder, "out/features_00002.safetensors");
  for (let i = 0; i < 2000 && !existsSync(third); i++) await sleep(10);
  killed.kill("SIGKILL");
  const before = readFileSync(third);
  const { status, summary, stderr } = embed(...args);
  assert.equal(status, 0, stderr);
  assert.deepEqual([summary.images, summary.shards], [60, 30]);
  assert.deepEqual(readFileSync(third), before);
  const { files, labels, folds } = await openFeatures(join(folder, "out")).readRows();
  assert.deepEqual([...files].slice(0, 3), ["0.png", "1.png", "2.png"]);
  assert.deepEqual([...(labels as Int32Array)].slice(0, 5), [0, 1, 2, 3, 0]);
  assert.deepEqual([...(folds as Int32Array)].slice(0, 4), [0, 1, 2, 0]);
});
