// Tests the command line's errors: one message, without a stack.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readRunConfig, runFolder } from "guie/dist/runs/run_folder";
import { guie } from "../in_process";

const MISTAKES: [args: string[], message: RegExp][] = [
  [["train", "--config-name", "demoo"], /no preset "demoo"[\s\S]*Did you mean "demo"\?/],
  [["train", "--config-name", "constructor"], /no preset "constructor"/],
  [["train", "--set", "constructor=1"], /no setting "constructor"/],
  [["train", "--set", "__proto__=1"], /no setting "__proto__"/],
  [["train", "--init-lr", "abc"], /--init-lr takes a number, got "abc"/],
  [["train", "--n-epochs", "1.5"], /nEpochs = 1\.5/],
  [["train", "--set", "emaDecy=0.9"], /no setting "emaDecy"[\s\S]*Did you mean "emaDecay"\?/],
  [["train", "--set", "emaDecay"], /--set takes name=value, got "emaDecay"/],
  [["train", "--set", "emaDecay=much"], /--set emaDecay takes a number, got "much"/],
  [["train", "--set", "emaDecay=1"], /emaDecay = 1/],
  [["train", "--set", "standardise=yes"], /--set standardise takes true or false, got "yes"/],
  [["train", "--set", "s=1", "--s", "2"], /The setting s is given twice/],
  [["train", "--set", "neck=double"], /neck = "double"/],
  [["train", "--augmentation", "photos"], /--augmentation: of no use without --stage fine_tune/],
  [["train", "--stage", "fine_tune", "--augmentation", "photo"], /"photo": expected one of original, none/],
  [["train", "--stage", "fine_tune", "--augmentation", "[{name}]"], /no JSON[\s\S]*single quotes/],
  [["soup", "nowhere", "nobody", "--out", "x"], /got "nowhere": there is no such run, tower or file/],
  [["train", "--config", "nowhere.json"], /Expected a JSON file at nowhere\.json/],
  [["train", "--resume", "x", "--init-lr", "1"], /A resumed run keeps its own settings; got initLr\./],
  [["train", "--resume", "nowhere"], /Expected a run at .*checkpoints\/nowhere: there is none/],
  [["evaluate", "x", "--data-dir", "data/nowhere"], /retrieval\/queries\.csv[\s\S]*get-data --demo/],
  [["embed", "--model", "x"], /--model: of no use without \[photos\][\s\S]*guie embed FOLDER --out FOLDER/],
  [["embed", "data"], /Photos need --out/],
  [["merge", "--data-dir", "data/nowhere", "--seed", "odd"], /--seed takes a number, got "odd"/],
  [["reduce", "--dimensions", "1.5"], /--dimensions takes a whole number from 1, got "1.5"/],
  [["tune", "--seeds", "1,2.5"], /--seeds takes a whole number, got "2.5"/],
  [["scaling", "--hosts", "1,0"], /--hosts takes a whole number from 1, got "0"/],
  [["scaling", "--utilisation", "40"], /--utilisation takes a share from 0 to 1, got "40"/],
];

for (const [args, message] of MISTAKES) {
  test(`guie ${args.join(" ")}`, async () => {
    const { status, stderr, stdout } = await guie(...args);
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
    assert.equal(stdout, "");
  });
}

test("--set takes any setting and overrides a JSON file, which overrides the preset", async () => {
  const folder = mkdtempSync(join(tmpdir(), "guie-config-"));
  const file = join(folder, "settings.json");
  const inFile = {
    configName: "tiny",
    stage: "frozen",
    dataDir: folder,
    runName: `test-set-${process.pid}`,
    s: 25,
  };
  writeFileSync(file, JSON.stringify(inFile));
  const sets = ["s=27", "standardise=true", "bestBy=top1", "gpus=", "swaStartEpoch=2"];
  const { stderr } = await guie("train", "--config", file, ...sets.flatMap((set) => ["--set", set]));
  assert.match(stderr, /npx guie merge/, "the run began, and its table is missing");
  const config = readRunConfig(runFolder(inFile.runName));
  const { s, standardise, bestBy, gpus, swaStartEpoch, tower, stage } = config;
  assert.deepEqual(
    { s, standardise, bestBy, gpus, swaStartEpoch, tower, stage },
    { s: 27, standardise: true, bestBy: "top1", gpus: [], swaStartEpoch: 2, tower: "tiny", stage: "frozen" },
  );
  for (const path of [folder, runFolder(inFile.runName)]) rmSync(path, { recursive: true });
});

test("--augmentation takes rows as JSON", async () => {
  const folder = mkdtempSync(join(tmpdir(), "guie-rows-"));
  const runName = `test-rows-${process.pid}`;
  const preset = [
    "--config-name",
    "tiny",
    "--stage",
    "fine_tune",
    "--data-dir",
    folder,
    "--run-name",
    runName,
  ];
  const { stderr } = await guie("train", ...preset, "--augmentation", '[{"name": "ToGray"}]');
  assert.match(stderr, /npx guie merge/, "the run began, and its table is missing");
  assert.deepEqual(readRunConfig(runFolder(runName)).augmentation, [{ name: "ToGray", probability: 0.5 }]);
  for (const path of [folder, runFolder(runName)]) rmSync(path, { recursive: true });
});

test("every command has a help text", async () => {
  for (const name of [
    "get-data",
    "preprocess",
    "merge",
    "prepare-model",
    "train",
    "runs",
    "watch",
    "embed",
    "evaluate",
    "soup",
  ]) {
    const { status, stdout } = await guie(name, "--help");
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^Usage: guie ${name} `));
  }
});
