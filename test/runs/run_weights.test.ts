// A run's checkpoint is checked against its config before use, and a damaged one is refused with advice.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { makeSoup } from "guie/dist/experiments/soup";
import { exportRun } from "guie/dist/export/export_run";
import { openSafetensors, type TensorEntry, writeSafetensors } from "guie/dist/formats/safetensors";
import { findCheckpoint } from "guie/dist/runs/checkpoint_ref";
import { readMetrics, readRunConfig, runFile } from "guie/dist/runs/run_folder";
import { runTable } from "guie/dist/runs/run_table";
import { runWeights } from "guie/dist/runs/run_weights";
import { runTraining } from "guie/dist/training/run";
import { temporaryFolder } from "../folders";
import { TinyRuns } from "../training/tiny_runs";

const runs = new TinyRuns("run-weights", { maxStepsPerEpoch: 2, nEpochs: 1, emaDecay: 0.5 });
let whole = "";
before(async () => {
  await runs.start();
  whole = runs.prepare("whole");
  await runTraining(whole);
});
after(() => runs.end());

/** Copies the checkpoint into a folder, with each tensor changed, or left out if `change` returns undefined. */
async function rewrite(
  folder: string,
  change: (entry: TensorEntry) => TensorEntry | undefined,
): Promise<void> {
  const from = openSafetensors(join(whole, "last.safetensors"));
  const entries = [...from.tensors].map(([name, { shape }]) => ({ name, shape, data: from.read(name) }));
  from.close();
  const changed = entries.flatMap((entry) => change(entry) ?? []);
  await writeSafetensors(join(folder, "last.safetensors"), changed, { step: "2" });
}

const FAULTS: [what: string, change: (entry: TensorEntry) => TensorEntry | undefined, message: RegExp][] = [
  [
    "a block's LayerNorm is missing",
    (entry) => (entry.name.endsWith("resblocks.1.ln_2.weight") ? undefined : entry),
    /last\.safetensors does not fit the run's config\.json: missing: visual\.transformer\.resblocks\.1\.ln_2\.weight\.\n {2}Next: Take another checkpoint/,
  ],
  ["the neck is missing", (entry) => (entry.name === "neck.bias" ? undefined : entry), /missing: neck\.bias/],
  [
    "another shape",
    (entry) =>
      entry.name === "neck.weight" ? { ...entry, shape: [1, entry.shape[0]! * entry.shape[1]!] } : entry,
    /of another shape: neck\.weight \(expected \[/,
  ],
  [
    "a weight unknown to the config",
    (entry) => (entry.name === "neck.bias" ? { ...entry, name: "neck.other" } : entry),
    /missing: neck\.bias; unexpected: neck\.other/,
  ],
];

for (const [what, change, message] of FAULTS) {
  test(`refused wherever a run is opened: ${what}`, async (t) => {
    const folder = temporaryFolder(t);
    copyFileSync(runFile(whole, "config"), runFile(folder, "config"));
    await rewrite(folder, change);
    assert.throws(() => loadEmbedder(folder), message);
    assert.throws(() => runWeights(findCheckpoint(folder)), message);
    const out = join(folder, "out");
    await assert.rejects(exportRun({ run: folder, format: "safetensors", out }), message);
    await assert.rejects(makeSoup([folder, whole], runs.name("soup")), message);
    assert.equal(existsSync(out), false);
  });
}

test("an average with a missing tensor is refused, the raw weights are not", async (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(runFile(whole, "config"), runFile(folder, "config"));
  await rewrite(folder, (entry) => (entry.name === "ema.neck.bias" ? undefined : entry));
  assert.throws(
    () => runWeights(findCheckpoint(`${folder}:ema`)),
    /lacks averages of its weights: ema\.neck\.bias/,
  );
  runWeights(findCheckpoint(folder)).close();
});

test("a run with a flipped bit in last.safetensors is not resumed; another checkpoint is the way out", async (t) => {
  const folder = join(temporaryFolder(t), "run");
  cpSync(whole, folder, { recursive: true });
  // without its end, so that it is resumed
  writeFileSync(runFile(folder, "metrics"), "");
  const last = join(folder, "last.safetensors");
  const bytes = readFileSync(last);
  bytes[bytes.length - 40]! ^= 4;
  writeFileSync(last, bytes);
  await assert.rejects(
    runTraining(folder),
    /last\.safetensors is damaged: tensor ".*" is not as it was written .*\n {2}Next: Put a whole copy in its place, or delete it\. A copy of the run's best\.safetensors/,
  );
  assert.equal(readMetrics(folder).at(-1)?.kind, "end");
  copyFileSync(join(whole, "best.safetensors"), last);
  assert.equal((await runTraining(folder)).reason, "finished");
});

test("errors of a damaged config.json or metrics.jsonl name what does not fit, and guie runs goes on", (t) => {
  const folder = temporaryFolder(t);
  const config = readFileSync(runFile(whole, "config"), "utf8");
  for (const [text, message] of [
    ["[]", /config\.json does not fit: Invalid input: expected object/],
    [config.replace('"stage": "fine_tune"', '"stage": "fine_tUne"'), /config\.json does not fit: stage: /],
    [
      config.replace('"imageSize": 28', '"imageSize": "28"'),
      /config\.json: The config "tiny" does not fit: imageSize = "28"/,
    ],
    [config.replace('"imageSize"', '"imageSiz"'), /config\.json: There is no setting "imageSiz"/],
    [config.slice(0, 100), /config\.json is not readable JSON/],
  ] as const) {
    writeFileSync(runFile(folder, "config"), text);
    assert.throws(() => readRunConfig(folder), message);
  }
  const lines = readFileSync(runFile(whole, "metrics"), "utf8");
  for (const [text, message] of [
    [
      lines.replace('"loss":', '"lost":'),
      /metrics\.jsonl, line 1 does not fit: loss: .*\n {2}Next: Remove that line/,
    ],
    [lines.replace('"step"', '"steq"'), /metrics\.jsonl, line 1 does not fit: kind: /],
    [lines.replace("{", "("), /metrics\.jsonl, line 1 is not readable JSON/],
  ] as const) {
    writeFileSync(runFile(folder, "metrics"), text);
    assert.throws(() => readMetrics(folder), message);
  }
  const listed = runs.prepare("listed");
  writeFileSync(runFile(listed, "metrics"), '{"kind":"step"}\n');
  const row = runTable().find(({ run }) => listed.endsWith(`/${run}`));
  assert.match(row!.state, /metrics\.jsonl, line 1 does not fit/);
  rmSync(listed, { recursive: true });
});

test("the command line reports it without a stack trace", async (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(runFile(whole, "config"), runFile(folder, "config"));
  await rewrite(folder, FAULTS[0]![1]);
  const guie = [installPath("lib/bin/guie.js"), "export", folder, "--format", "onnx"];
  const { status, stderr } = spawnSync(process.execPath, guie, { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /guie export: .*does not fit the run's config\.json: missing: visual/);
  assert.doesNotMatch(stderr, /\n {4}at /);
});
