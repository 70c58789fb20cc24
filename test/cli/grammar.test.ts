// Tests the command line's grammar: help in groups, MODEL as a word or --model, old names that print the new ones once.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { makeProgram } from "guie/dist/cli/program";
import { installPath, projectPath } from "guie/dist/common/project";
import { type ServeOptions, serve } from "guie/dist/serving/serve";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { makeTinyRun } from "../serving/tiny_service";

const CLIP = installPath("test", "golden", "pytorch", "clip.pt");
const CACHE = projectPath(".cache", `test-grammar-${process.pid}`);
process.env.GUIE_CACHE_DIR = CACHE;
after(() => rmSync(CACHE, { recursive: true, force: true }));

/** Prepares a tower's file in a folder; returns its path. */
async function preparedIn(folder: string): Promise<string> {
  const { stdout } = await guie(
    "prepare-model",
    "--model",
    "tiny",
    "--from",
    CLIP,
    "--out",
    folder,
    "--json",
  );
  return JSON.parse(stdout).path;
}

test("the help lists the commands in the groups of lib/cli's folders", async () => {
  const help = (await makeProgram()).helpInformation();
  const groups = Array.from(help.matchAll(/^(\w+):\n((?: {2}.*\n?)+)/gm), ([, heading, lines]) => [
    heading,
    Array.from(lines!.matchAll(/^ {2}([a-z-]+)/gm), ([, name]) => name),
  ]);
  assert.deepEqual(
    Object.fromEntries(groups.filter(([heading]) => !/Options|Commands/.test(String(heading)))),
    {
      Data: ["get-data", "preprocess", "merge", "pack", "duplicates", "inspect"],
      Model: ["prepare-model", "evaluate", "compare", "reduce", "whiten", "export", "soup"],
      Train: ["fit", "train", "tune", "runs", "watch", "rm", "scaling"],
      Use: ["serve", "find", "embed", "index"],
    },
  );
});

test("a named command is loaded alone; a flag or an unknown word needs all", async () => {
  const loaded = async (...words: string[]) => (await makeProgram(words)).commands.map((one) => one.name());
  assert.deepEqual(await loaded("runs", "--json"), ["runs"]);
  assert.deepEqual(await loaded("index", "add"), ["index"]);
  for (const words of [["rnus"], ["--help"], ["constructor"], []])
    assert.ok((await loaded(...words)).length >= 24, words.join(" "));
});

/** Command lines with an old name, and the notice; any error may follow. */
const OLD_NAMES: [line: string, said: string][] = [
  ["evaluate --run nowhere --data-dir nowhere", "guie evaluate --run is now a word: guie evaluate MODEL..."],
  ["evaluate pixels --compare --data-dir nowhere", "guie evaluate --compare is now guie compare."],
  ["reduce --run nowhere --data-dir nowhere", "guie reduce --run is now a word: guie reduce MODEL..."],
  ["embed docs --run nowhere --out x", "guie embed --run is now --model."],
  ["serve --run nowhere", "guie serve --run is now --model."],
  ["serve --model nowhere --index nowhere", "guie serve --index is now a word: guie serve PHOTOS."],
  ["search --seeds 1.5", "guie search is now guie tune."],
  [
    "export --format safetensors --model tiny --weights nowhere --out x",
    "guie export --model is now a word: guie export MODEL.",
  ],
];

for (const [line, said] of OLD_NAMES) {
  test(`guie ${line}: the new name, once`, async () => {
    const { stderr, stdout } = await guie(...line.split(" "));
    assert.equal(stderr.split(said.replace(/\.\.\.$/, "")).length, 2, stderr);
    assert.equal(stdout, "");
  });
}

test("new names and the original's own flags print no notice", async () => {
  for (const line of ["evaluate x --data-dir nowhere", "compare x --data-dir nowhere", "tune --seeds 1.5"])
    assert.doesNotMatch((await guie(...line.split(" "))).stderr, / is now /);
  const originalFlags = [
    "train",
    "--cpkt_epoch",
    "1",
    "--n_batch_log",
    "1",
    "--warm_up_epochs",
    "1",
    "--csv-dir",
    "no.csv",
  ];
  assert.doesNotMatch((await guie(...originalFlags, "--stage", "frozen", "--fold", "x")).stderr, / is now /);
});

test("a value under both names is an error; guie search takes no photo", async () => {
  const both = await guie("embed", "docs", "--run", "a", "--model", "b", "--out", "x");
  assert.match(both.stderr, /--run and --model are two names of one option/);
  assert.match(
    (await guie("serve", "a", "--index", "b")).stderr,
    /--index is an old name of the word photos/,
  );
  const search = await guie("search", "photo.jpg");
  assert.equal(search.status, 1);
  assert.match(
    search.stderr,
    /now guie tune; .*got photo\.jpg\.\n.*guie serve photo\.jpg; .*guie embed photo\.jpg/,
  );
});

test("compare and evaluate --compare print the same table; a tower's file is a model, too", async (t) => {
  const { run, dataDir } = await makeTinyRun(t);
  const folder = temporaryFolder(t);
  const path = await preparedIn(folder);
  const data = ["--config-name", "tiny", "--data-dir", dataDir, "--json"];
  const now = await guie("compare", "pixels", run, path, ...data);
  assert.equal(now.status, 0, now.stderr);
  const { rows } = JSON.parse(now.stdout);
  assert.deepEqual(
    rows.map(({ model }: { model: string }) => model),
    ["pixels", run, path],
  );
  const before = await guie("evaluate", "pixels", run, path, "--compare", ...data);
  assert.equal(before.stdout, now.stdout);
  const ladder = JSON.parse((await guie("evaluate", path, ...data)).stdout);
  assert.deepEqual(Object.keys(ladder.mp5), ["pixels", "backbone", "whitened", "lda", path]);
});

test("a run embeds with its own settings, a tower with the given ones", async (t) => {
  const { run, dataDir } = await makeTinyRun(t);
  const photos = join(dataDir, "final_data_224", "tiny", "images");
  const out = temporaryFolder(t);
  const refused = await guie(
    "embed",
    photos,
    "--model",
    run,
    "--set",
    "s=1",
    "--config-name",
    "tiny",
    "--out",
    out,
  );
  assert.match(refused.stderr, /--config-name, --set: of no use with the model /);
  const served = await guie("serve", "--model", run, "--config-name", "tiny");
  assert.match(served.stderr, /--config-name: of no use with the model /);
  const embedded = await guie("embed", photos, "--run", run, "--out", join(out, "run"), "--json");
  assert.equal(JSON.parse(embedded.stdout).length, 64, embedded.stderr);
  const tower = await guie(
    "embed",
    photos,
    "--config-name",
    "tiny",
    "--last-blocks",
    "1",
    "--out",
    join(out, "t"),
    "--json",
  );
  assert.equal(JSON.parse(tower.stdout).length, 16, tower.stderr);
});

test("a tower is exported as safetensors to a file, and as ONNX like a run", async (t) => {
  const folder = temporaryFolder(t);
  const path = await preparedIn(folder);
  const out = join(folder, "out.safetensors");
  const { status, stdout, stderr } = await guie(
    "export",
    path,
    "--format",
    "safetensors",
    "--out",
    out,
    "--json",
  );
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).path, out);
  const onnx = await guie("export", path, "--format", "onnx", "--out", join(folder, "onnx"), "--json");
  assert.equal(JSON.parse(onnx.stdout).path, join(folder, "onnx"), onnx.stderr);
  assert.match((await guie("soup", path, "backbone", "--out", "x")).stderr, /is a backbone.*A soup averages/);
});

/** Returns what a service says it searches. */
async function searchedBy(options: Partial<ServeOptions>): Promise<string> {
  const service = await serve({ port: 0, ...options });
  await service.whole;
  const { name, images } = service.health().index as { name: string; images: number };
  await service.close();
  return `${images} images of ${name}`;
}

test("serve takes a data directory, an image folder or an index, with a run or the preset's backbone", async (t) => {
  const { run, dataDir } = await makeTinyRun(t);
  const photos = join(dataDir, "final_data_224", "tiny", "images");
  const out = join(temporaryFolder(t), "mine");
  const heldOut = `30 images of held-out classes of ${basename(dataDir)}`;
  assert.equal(await searchedBy({ configName: "tiny", index: dataDir }), heldOut);
  assert.match(await searchedBy({ run, index: photos }), /^[1-9]\d* images of images$/);
  assert.match(await searchedBy({ configName: "tiny", index: photos }), /^[1-9]\d* images of images$/);
  assert.equal((await guie("embed", photos, "--model", run, "--out", out)).status, 0);
  assert.match(await searchedBy({ run, index: out }), /^\d+ images of mine$/);
  await assert.rejects(
    searchedBy({ configName: "tiny", index: out }),
    /holds features by the run .*neither its last nor its best checkpoint/,
  );
});
