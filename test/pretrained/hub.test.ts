// Weights from the Hugging Face hub, which hub_server.ts emulates on this machine.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import type { ProgressReport } from "guie/dist/common/progress";
import { installPath } from "guie/dist/common/project";
import { openSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";
import { fetchFromHub, formatHubSource, parseHubSource } from "guie/dist/pretrained/hub";
import { hubRepository } from "guie/dist/pretrained/hub_sources";
import { MODEL_NAMES, prepareModel } from "guie/dist/pretrained/prepare_model";
import { COMMIT, type HubServer, startHub } from "./hub_server";

const folder = mkdtempSync(join(tmpdir(), "guie-hub-"));
const REPO = "someone/tiny-clip";
const CLIP = readFileSync(installPath("test", "golden", "pytorch", "clip.pt"));
/** Bytes that do not repeat, so that misplaced ones are noticed. */
const LARGE = Buffer.from(Uint32Array.from({ length: 2 ** 18 }, (_, i) => i * 2654435761).buffer);
const BLOBS = join(folder, "home", "hub", "models--someone--tiny-clip", "blobs");

let hub: HubServer | undefined;

/** Starts a hub with these files, and empties the cache. */
async function start(files: Record<string, Buffer>): Promise<HubServer> {
  hub = await startHub(REPO, {
    "README.md": Buffer.from("hello"),
    "config.json": Buffer.from("{}"),
    ...files,
  });
  process.env.HF_ENDPOINT = hub.url;
  return hub;
}

beforeEach(() => {
  hub?.close();
  rmSync(join(folder, "home"), { recursive: true, force: true });
  process.env.HF_HOME = join(folder, "home");
  delete process.env.HF_TOKEN;
});
after(() => {
  hub?.close();
  rmSync(folder, { recursive: true, force: true });
});

const source = { repo: REPO, revision: "main" };

test("a source has the form hub:owner/name, optionally with a revision and a file", () => {
  const texts = ["hub:a/b", "hub:a-1/b.c@v1.0", "hub:a/b/c/d.bin", `hub:a/b@${COMMIT}/c.bin`];
  for (const text of texts) assert.equal(formatHubSource(parseHubSource(text)!), text);
  assert.deepEqual(parseHubSource("hub:a/b@v1/c.bin"), { repo: "a/b", revision: "v1", file: "c.bin" });
  assert.equal(parseHubSource("checkpoints/hub.bin"), undefined);
  for (const text of ["hub:a", "hub:../b", "hub:a/..", "hub:/a/b", "hub:a/b@"]) {
    assert.throws(() => parseHubSource(text), /Expected hub:owner\/name/, text);
  }
});

test("every model of the table has a repository, except the few that the hub does not have", () => {
  const without = MODEL_NAMES.filter((model) => hubRepository(model) === undefined);
  assert.deepEqual(without, [
    "ViT-B-16-plus-240",
    "ViT-L-14-336",
    "ViT-H-14-378",
    "ViT-bigG-14-quickgelu",
    "ViT-SO400M-14-SigLIP-378",
    "ViT-SO400M-14-SigLIP2-378",
  ]);
  assert.equal(hubRepository("dinov2-vit-g-14-reg4"), "facebook/dinov2-with-registers-giant");
  assert.equal(hubRepository("ViT-SO400M-16-SigLIP2-512"), "google/siglip2-so400m-patch16-512");
  assert.equal(hubRepository("ViT-B-16-SigLIP"), "google/siglip-base-patch16-224");
});

test("a whole CLIP on the hub becomes a tower's file, and is downloaded only once", async () => {
  const { requests } = await start({ "open_clip_pytorch_model.bin": CLIP });
  const events: ProgressReport[] = [];
  const settings = { model: "tiny", from: `hub:${REPO}`, out: join(folder, "out") };
  const { path, written } = await prepareModel({
    ...settings,
    onProgress: (event) => void events.push(event),
  });
  assert.equal(written, true);
  const { metadata, close } = openSafetensors(path);
  assert.equal(metadata.origin, `hub:${REPO}`);
  assert.equal(metadata.origin_commit, COMMIT);
  assert.equal(metadata.origin_file, "open_clip_pytorch_model.bin");
  assert.equal(metadata.origin_naming, "open_clip");
  close();
  assert.ok(
    events.some(({ stage, unit }) => stage === "download open_clip_pytorch_model.bin" && unit === "MB"),
  );
  const asked = requests.hub.length;
  assert.equal((await prepareModel(settings)).written, false);
  assert.equal(requests.hub.length, asked);
  await assert.rejects(
    prepareModel({ ...settings, from: `hub:${REPO}@v2` }),
    /made from hub:someone\/tiny-clip, expected hub:someone\/tiny-clip@v2/,
  );
});

test("the cache has Hugging Face's layout, and is reused", async () => {
  const { requests } = await start({ "model.safetensors": LARGE, "pytorch_model.bin": CLIP });
  const { path } = await fetchFromHub(source);
  assert.equal(path, join(BLOBS, "..", "snapshots", COMMIT, "model.safetensors"));
  assert.ok(readFileSync(path).equals(LARGE));
  assert.deepEqual(readdirSync(BLOBS), [(await fetchFromHub(source)).metadata.origin_hash]);
  assert.equal(requests.store.filter(({ range }) => range === undefined).length, 1);
});

test("complete files in the cache suffice if the hub is unreachable", async () => {
  const hub = await start(await sharded((part) => part));
  const online = await fetchFromHub(source);
  hub.close();
  assert.deepEqual(await fetchFromHub(source), online);
  await assert.rejects(fetchFromHub({ ...source, revision: "v2" }), /could not be reached/);
  rmSync(join(online.path, "..", "model-00002-of-00002.safetensors"));
  await assert.rejects(fetchFromHub(source), /could not be reached/);
});

test("a lost connection is resumed from its last byte", async () => {
  const hub = await start({ "model.safetensors": LARGE });
  hub.cutAfterBytes = 300_000;
  const { path } = await fetchFromHub(source);
  assert.ok(readFileSync(path).equals(LARGE));
  const starts = hub.requests.store.map(({ range }) =>
    Number(/^bytes=(\d+)-\d{2}/.exec(range ?? "")?.[1] ?? 0),
  );
  assert.ok(starts.filter((start) => start > 0).length >= 3, starts.join());
});

test("a killed download continues where it stopped", { timeout: 60_000 }, async () => {
  const hub = await start({ "model.safetensors": LARGE });
  hub.bytesPerSecond = 2 ** 18;
  const script = `require("guie/dist/pretrained/hub").fetchFromHub(${JSON.stringify(source)})`;
  const child = spawn(process.execPath, ["-e", script], { cwd: __dirname, env: process.env });
  const bytes = () =>
    existsSync(BLOBS) ? readdirSync(BLOBS).map((name) => statSync(join(BLOBS, name)).size) : [];
  while ((bytes()[0] ?? 0) < 150_000) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  const kept = bytes()[0]!;
  hub.bytesPerSecond = Number.POSITIVE_INFINITY;
  hub.requests.store.length = 0;
  const { path } = await fetchFromHub(source);
  assert.ok(readFileSync(path).equals(LARGE));
  assert.equal(hub.requests.store.at(-1)!.range, `bytes=${kept}-${LARGE.length - 1}`);
});

test("bytes that do not match the hash are refused and deleted", async () => {
  const hub = await start({ "model.safetensors": LARGE });
  hub.send = (_, content) => Buffer.from(content).fill(0, 1000, 1001);
  await assert.rejects(fetchFromHub(source), /model\.safetensors arrived damaged: expected the hash/);
  assert.deepEqual(readdirSync(BLOBS), []);
  hub.send = (_, content) => Buffer.concat([content, content]);
  await assert.rejects(fetchFromHub(source), /is longer than the 1048576 bytes that the hub announced/);
});

const TAMPERED: [string, Record<string, unknown>, RegExp][] = [
  ["a path out of the folder", { path: "../../model.safetensors" }, /a name that cannot be/],
  ["a hidden file", { path: ".ssh/model.safetensors" }, /a name that cannot be/],
  ["a hash that is a path", { lfs: { oid: "../../x", size: LARGE.length } }, /a hash that cannot be/],
  ["a contradictory size", { size: 5 }, /a size that cannot be/],
  [
    "a size that no disk has",
    { size: 1e15, lfs: { oid: "a".repeat(64), size: 1e15 } },
    /takes 1000000000 MB.*left/,
  ],
];
for (const [what, change, message] of TAMPERED) {
  test(`a hub that sends ${what} is refused`, async () => {
    const hub = await start({ "model.safetensors": LARGE });
    hub.tamper = (entry) => (entry.path === "model.safetensors" ? { ...entry, ...change } : entry);
    const file = (change.path as string | undefined) ?? "model.safetensors";
    await assert.rejects(fetchFromHub({ ...source, file }), message);
    assert.deepEqual(existsSync(BLOBS) ? readdirSync(BLOBS) : [], []);
  });
}

/** Returns the tiny tower as a file in two parts, with an index that names them. */
async function sharded(nameOf: (part: string) => string): Promise<Record<string, Buffer>> {
  const { path } = await prepareModel({
    model: "tiny",
    out: join(folder, "whole"),
    from: installPath("test", "golden", "pytorch", "clip.pt"),
  });
  const whole = openSafetensors(path);
  const map: Record<string, string> = {};
  const files: Record<string, Buffer> = {};
  const names = [...whole.tensors.keys()];
  for (const [i, part] of [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
  ].entries()) {
    const own = names.filter((_, j) => j % 2 === i);
    const entries = own.map((name) => ({
      name,
      shape: whole.tensors.get(name)!.shape,
      data: whole.read(name),
    }));
    await writeSafetensors(join(folder, "part"), entries);
    files[part] = readFileSync(join(folder, "part"));
    for (const name of own) map[name] = nameOf(part);
  }
  whole.close();
  files["model.safetensors.index.json"] = Buffer.from(JSON.stringify({ weight_map: map }));
  return files;
}

test("weights in several files are fetched by their index", async () => {
  await start(await sharded((part) => part));
  const out = join(folder, "sharded");
  const { path } = await prepareModel({ model: "tiny", from: `hub:${REPO}`, out });
  const [prepared, whole] = [path, join(folder, "whole", "tiny_vision_model.safetensors")].map((file) =>
    openSafetensors(file),
  );
  for (const name of whole!.tensors.keys()) assert.deepEqual(prepared!.read(name), whole!.read(name), name);
  prepared!.close();
  whole!.close();
});

test("an index that names files outside the repository is refused", async () => {
  await start(await sharded((part) => `../../${part}`));
  await assert.rejects(
    fetchFromHub(source),
    /names files that are not in its folder: \.\.\/\.\.\/model-00001/,
  );
});

test("the token goes to the hub, but not to the store behind it", async () => {
  const { requests } = await start({ "model.safetensors": LARGE });
  process.env.HF_TOKEN = "hf_secret";
  await fetchFromHub(source);
  assert.ok(requests.hub.every(({ authorization }) => authorization === "Bearer hf_secret"));
  assert.ok(requests.store.every(({ authorization }) => authorization === undefined));
});

test("errors of the hub say what to do", async () => {
  const hub = await start({ "model.safetensors": LARGE });
  const refused = (status: number) => {
    hub.refuseWith = status;
    return fetchFromHub(source);
  };
  await assert.rejects(refused(401), /anybody without a token[\s\S]*set HF_TOKEN/);
  await assert.rejects(refused(404), /has no someone\/tiny-clip, or not that revision/);
  await assert.rejects(refused(503), /answered with an error \(503\)/);
  hub.refuseWith = undefined;
  await assert.rejects(
    fetchFromHub({ ...source, file: "other.bin" }),
    /has no file other\.bin; it has README\.md, config\.json, model\.safetensors/,
  );
  hub.close();
  await assert.rejects(fetchFromHub(source), /could not be reached: [\s\S]*--from FILE/);
});

test("the error about a repository without weights lists its files", async () => {
  await start({ "notes.txt": LARGE });
  await assert.rejects(fetchFromHub(source), /has none of the files open_clip_model.*it has README\.md/);
});
