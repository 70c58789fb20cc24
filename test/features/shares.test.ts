// A folder of features made in shares: with one killed, repeated, missing or done twice at once, that of one process.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf } from "guie/dist/common/files/fingerprint";
import { installPath } from "guie/dist/common/project";
import type { EmbedShard, FeaturePlan } from "guie/dist/features/feature_plan";
import { ensureFeatureShare } from "guie/dist/features/feature_share";
import { ensureFeatureFolder } from "guie/dist/features/feature_writer";
import sharp from "sharp";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";

const part = (index: number, count = 4) => ({ index, count });
const nameOf = (i: number) => `${String(i).padStart(2, "0")}.png`;

/** Makes 21 files, of which one cannot be read, and a plan for them in shards of two: eleven shards. */
function someFiles(t: TestContext): { images: string; plan: FeaturePlan; outOf: (name: string) => string } {
  const folder = temporaryFolder(t);
  const images = join(folder, "images");
  mkdirSync(images);
  for (let i = 0; i < 21; i++) writeFileSync(join(images, nameOf(i)), i === 9 ? "no image" : `picture ${i}`);
  const rows = {
    files: Array.from({ length: 21 }, (_, i) => nameOf(i)),
    labels: Array.from({ length: 21 }, (_, i) => i % 3),
  };
  const plan = { rows, madeBy: {}, rowsPerShard: 2, replace: false, sources: { folder: images } };
  return { images, plan, outOf: (name) => join(folder, name) };
}

/** Returns an embedder: features are the first bytes of a file's hash; it notes the files that it was asked for. */
function hashEmbedder(images: string, asked: string[] = []): () => Promise<EmbedShard> {
  return async () => async (files) => {
    asked.push(...files);
    const bytes = files.map((file) => readFileSync(join(images, file)));
    const good = bytes.filter((file) => !file.toString().startsWith("no"));
    return {
      vectors: {
        data: Float32Array.from(good.flatMap((file) => [...Buffer.from(contentOf(file).slice(0, 8), "hex")])),
        count: good.length,
        length: 4,
      },
      skipped: files
        .filter((_, i) => !good.includes(bytes[i]!))
        .map((file) => ({ file, reason: "no image" })),
      contents: bytes.map(contentOf),
    };
  };
}

const never = () => Promise.reject(new Error("nothing was to be embedded"));
const filesOf = (out: string) =>
  Object.fromEntries(readdirSync(out).map((name) => [name, readFileSync(join(out, name), "hex")]));
/** Lists what lies next to a folder, hidden files too. */
const besides = (out: string) => readdirSync(join(out, "..")).sort();

test("four shares give the files of one process, byte for byte, and the last call embeds nothing", async (t) => {
  const { images, plan, outOf } = someFiles(t);
  await sleep(2200); // files that are younger than two seconds may change within a tick of their clock: no notes
  const [one, shared] = [outOf("one"), outOf("shared")];
  await ensureFeatureFolder(one, plan, hashEmbedder(images));
  const counts: number[] = [];
  for (const index of [3, 1, 4, 2]) {
    const share = await ensureFeatureShare(shared, plan, part(index), hashEmbedder(images));
    counts.push(share.shards);
    assert.equal(share.total, 21);
    assert.ok(!existsSync(join(shared, "features.json")));
  }
  assert.deepEqual(counts.toSorted(), [2, 3, 3, 3], "eleven shards in four parts");
  await ensureFeatureFolder(shared, plan, never);
  assert.deepEqual(filesOf(shared), filesOf(one));
  assert.ok(filesOf(one)["sources.json"] !== undefined);
  assert.deepEqual(besides(shared), ["images", "one", "shared"]);
  await ensureFeatureShare(shared, plan, part(2), never);
  await ensureFeatureFolder(shared, plan, never);
  assert.deepEqual(filesOf(shared), filesOf(one));
  assert.deepEqual(besides(shared), ["images", "one", "shared"]);
});

test("a share that never ran is made by the last call; a share twice at once embeds once", async (t) => {
  const { images, plan, outOf } = someFiles(t);
  const [one, shared] = [outOf("one"), outOf("shared")];
  await ensureFeatureFolder(one, plan, hashEmbedder(images));
  const asked: string[] = [];
  const share = (index: number) => ensureFeatureShare(shared, plan, part(index), hashEmbedder(images, asked));
  await Promise.all([share(1), share(1), share(3), share(4), share(1)]);
  assert.equal(asked.length, new Set(asked).size, "no file was embedded twice");
  const last: string[] = [];
  await ensureFeatureFolder(shared, plan, hashEmbedder(images, last));
  assert.deepEqual([...asked, ...last].sort(), [...plan.rows.files]);
  assert.ok(last.length >= 4, `${last}`);
  assert.deepEqual(filesOf(shared), filesOf(one));
});

test("more shares than files of features: some have nothing to do", async (t) => {
  const { images, plan, outOf } = someFiles(t);
  const shared = outOf("shared");
  const counts: number[] = [];
  for (let index = 1; index <= 15; index++)
    counts.push((await ensureFeatureShare(shared, plan, part(index, 15), hashEmbedder(images))).shards);
  assert.deepEqual(counts.toSorted(), [0, 0, 0, 0, ...new Array(11).fill(1)]);
  await ensureFeatureFolder(shared, plan, never);
  await ensureFeatureFolder(outOf("one"), plan, hashEmbedder(images));
  assert.deepEqual(filesOf(shared), filesOf(outOf("one")));
});

test("an image that changes after its share is seen by the call after the last, or by the last after days", async (t) => {
  const { images, plan, outOf } = someFiles(t);
  const [asked, shared] = [[] as string[], outOf("shared")];
  const change = () => writeFileSync(join(images, nameOf(0)), `picture of another ${Math.random()}`);
  const shares = async () => {
    for (let index = 1; index <= 4; index++)
      await ensureFeatureShare(shared, plan, part(index), hashEmbedder(images));
  };
  await shares();
  change();
  await ensureFeatureFolder(shared, plan, hashEmbedder(images, asked));
  assert.deepEqual(asked, []);
  await ensureFeatureFolder(shared, plan, hashEmbedder(images, asked));
  assert.deepEqual(asked, [nameOf(0), nameOf(1)]);
  rmSync(shared, { recursive: true });
  await shares();
  change();
  const daysAgo = Date.now() / 1000 - 4 * 24 * 3600;
  for (const name of readdirSync(outOf(".shared.shares")))
    utimesSync(outOf(`.shared.shares/${name}`), daysAgo, daysAgo);
  await ensureFeatureFolder(shared, plan, hashEmbedder(images, asked));
  assert.deepEqual(asked.slice(2), [nameOf(0), nameOf(1)]);
});

test("shares that replace other features make them next to the old ones, which stay until the last call", async (t) => {
  const { images, plan, outOf } = someFiles(t);
  const [one, shared] = [outOf("one"), outOf("shared")];
  const other = { ...plan, madeBy: { tower: "another" } };
  await ensureFeatureFolder(shared, other, hashEmbedder(images));
  const before = filesOf(shared);
  await assert.rejects(
    ensureFeatureShare(shared, plan, part(1), never),
    /other images, or of other settings/,
  );
  const replacing = { ...plan, replace: true };
  for (const index of [1, 2, 3, 4])
    await ensureFeatureShare(shared, replacing, part(index), hashEmbedder(images));
  assert.deepEqual(filesOf(shared), before);
  await ensureFeatureFolder(shared, replacing, never);
  await ensureFeatureFolder(one, plan, hashEmbedder(images));
  assert.deepEqual(filesOf(shared), filesOf(one));
  assert.deepEqual(besides(shared), ["images", "one", "shared"]);
});

const GUIE = installPath("lib/bin/guie.js");
const FLAGS = ["--config-name", "tiny", "--rows-per-shard", "8"];

function startShare(images: string, out: string, text: string): ChildProcess {
  const args = [GUIE, "embed", images, "--out", out, ...FLAGS, "--part", text];
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
}

test("four shares by the command and the tower tiny: one is killed and repeated, one runs twice at once", async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, "images");
  for (const name of ["large", "small"]) mkdirSync(join(images, name), { recursive: true });
  for (let i = 0; i < 100; i++) {
    const background = { r: 2 * i, g: 255 - i, b: 7 * (i % 30) };
    const path = join(images, i < 80 ? "large" : "small", `${i}.jpg`);
    await sharp({ create: { width: 40, height: 30, channels: 3, background } })
      .jpeg()
      .toFile(path);
  }
  writeFileSync(join(images, "small/cut.jpg"), readFileSync(join(images, "small/80.jpg")).subarray(0, 200));
  await sleep(2200);
  const [one, shared] = [join(folder, "one"), join(folder, "shared")];
  const plain = (out: string) => guie("embed", images, "--out", out, ...FLAGS);
  assert.equal((await plain(one)).status, 0);

  const killed = startShare(images, shared, "1/4");
  while (!existsSync(join(shared, "features_00000.safetensors"))) await sleep(2);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const shares = ["1/4", "2/4", "2/4", "3/4", "4/4"].map((text) => startShare(images, shared, text));
  const codes = await Promise.all(shares.map(async (child) => (await once(child, "exit"))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0, 0]);
  assert.equal(readdirSync(shared).filter((name) => name.endsWith(".safetensors")).length, 13);
  assert.ok(!existsSync(join(shared, "features.json")));
  const last = await plain(shared);
  assert.equal(last.status, 0, last.stderr);
  assert.match(last.stderr, /Taken as they are: features by 4 parts/);
  assert.deepEqual(filesOf(shared), filesOf(one));
  assert.match(
    (await guie("embed", images, "--out", shared, ...FLAGS, "--part", "x")).stderr,
    /--part takes/,
  );
});
