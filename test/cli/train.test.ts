// The command line as a person meets it: what is wrong is said in one message, without a stack.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";

const guie = (...args: string[]) =>
  spawnSync(process.execPath, [projectPath("lib/bin/guie.js"), ...args], { encoding: "utf8" });

const MISTAKES: [args: string[], message: RegExp][] = [
  [["train", "--config-name", "demoo"], /no preset "demoo"[\s\S]*Did you mean "demo"\?/],
  [["train", "--init-lr", "abc"], /--init-lr takes a number, got "abc"/],
  [["train", "--n-epochs", "1.5"], /nEpochs = 1\.5/],
  [["train", "--config", "nowhere.json"], /Expected a JSON file at nowhere\.json/],
  [["train", "--resume", "x", "--init-lr", "1"], /settings of its own; given were: initLr\./],
  [["train", "--resume", "nowhere"], /checkpoints\/nowhere\/config\.json: there is none/],
  [["evaluate", "--data-dir", "data/nowhere", "--run", "x"], /retrieval\/queries\.csv[\s\S]*get-data --demo/],
  [["embed", "--run", "x"], /--run and --out go with a source/],
  [["embed", "data"], /A source needs --out/],
];

for (const [args, message] of MISTAKES) {
  test(`guie ${args.join(" ")}`, () => {
    const { status, stderr, stdout } = guie(...args);
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
    assert.equal(stdout, "");
  });
}

test("every command has its help", () => {
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
  ]) {
    const { status, stdout } = guie(name, "--help");
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^Usage: guie ${name} `));
  }
});
