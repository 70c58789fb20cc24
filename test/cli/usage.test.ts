// Tests that nothing typed is ignored: every command refuses words and options without effect.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command, Option } from "commander";
import { makeProgram } from "guie/dist/cli/program";
import { installPath } from "guie/dist/common/project";

/** Runs the command line in this process. @returns its standard error, and its exit code */
async function guie(...args: string[]): Promise<{ said: string; code: unknown }> {
  const { write } = process.stderr;
  let said = "";
  process.stderr.write = ((text: string) => {
    said += text;
    return true;
  }) as typeof write;
  try {
    await (await makeProgram(args)).parseAsync(args, { from: "user" });
    return { said, code: process.exitCode };
  } catch (error) {
    return { said, code: (error as { exitCode: number }).exitCode };
  } finally {
    process.stderr.write = write;
    process.exitCode = undefined;
  }
}

/** Every command that runs something, with the words that call it: "train", "index add". */
async function allCommands(): Promise<{ name: string; command: Command }[]> {
  return (await makeProgram()).commands.flatMap((command) =>
    command.commands.length === 0
      ? { name: command.name(), command }
      : command.commands.map((sub) => ({ name: `${command.name()} ${sub.name()}`, command: sub })),
  );
}

/** Returns a valid value of an option. */
const sampleOf = ({ argChoices }: Option) => argChoices?.[0] ?? "1";

/** Returns the required words and options of a command, except one option. */
function needed({ options, registeredArguments }: Command, without?: Option): string[] {
  const wanted = options.filter((option) => option.mandatory && option !== without);
  const flags = wanted.flatMap((option) => [option.long!, sampleOf(option)]);
  return [...registeredArguments.filter(({ required }) => required).map(() => "word"), ...flags];
}

test("every command refuses words and options without effect", async (t) => {
  const commands = await allCommands();
  assert.ok(commands.length >= 18);
  for (const { name, command } of commands) {
    const words = name.split(" ");

    await t.test(`${name} refuses an unknown option, and names the nearest`, async () => {
      const { said, code } = await guie(...words, ...needed(command), "--jsn");
      assert.equal(code, 1);
      assert.equal(
        said,
        `guie ${name}: unknown option '--jsn'. Did you mean --json?\n  Next: npx guie ${name} --help\n`,
      );
    });

    if (command.registeredArguments.some(({ variadic }) => variadic)) continue;
    await t.test(`${name} refuses an extra word`, async () => {
      const operands = command.registeredArguments.map(() => "word");
      const flags = needed(command).filter((word) => word !== "word");
      const { said, code } = await guie(...words, ...operands, ...flags, "--json", "superfluous");
      assert.equal(code, 1);
      assert.match(said, /too many arguments/);
    });

    await t.test(`${name} refuses a repeated option, and an empty one`, async () => {
      for (const option of command.options.filter(({ variadic, parseArg }) => !variadic && !parseArg)) {
        const { long, required, argChoices } = option;
        const others = needed(command, option);
        const once = required ? [long!, sampleOf(option)] : [long!];
        const twice = await guie(...words, ...others, ...once, ...once);
        assert.equal(twice.code, 1);
        assert.match(twice.said, new RegExp(`^guie ${name}: ${long} is given 2 times`));
        if (!required || argChoices || long === "--gpus") continue;
        const { said } = await guie(...words, ...others, long!, "");
        assert.match(said, new RegExp(`^guie ${name}: ${long} is empty`));
      }
    });
  }
});

/** Command lines with options that have no effect. */
const USELESS: [line: string, said: RegExp][] = [
  ["evaluate backbone --seed 1", /--seed: of no use without --compare/],
  ["evaluate --by-dataset --confusion", /--by-dataset: of no use without --compare/],
  ["evaluate x --confusion --compare", /--confusion: of no use with --compare.*\n.*one after the other/],
  ["get-data --demo", /--demo: of no use without --data-dir.*\n.*npx guie get-data .*--demo/],
  ["get-data --data-dir x --seed 1", /--seed: of no use without --demo/],
  ["get-data --data-dir x --classes-per-group 1", /--classes-per-group: of no use without --demo/],
  ["get-data --data-dir x --raw y", /--raw is the raw folder of one data set.*\n.*--dataset Fruit/],
  ["reduce --kind pca", /--kind: of no use without --out/],
  ["export x --format onnx --naming timm", /--naming: of no use without --format safetensors/],
  ["export x --format safetensors --mirror", /--mirror: of no use with --format safetensors/],
  ["export --format safetensors --model m", /--model: of no use without --weights/],
  ["export --format safetensors --weights f", /--weights: of no use without --model/],
  ["export x --format safetensors --weights f --model m", /--model, --weights: of no use with \[model\]/],
  ["evaluate --views crops", /--views: of no use without --rerank/],
  ["embed --views crops --dtype float32", /--views, --dtype: of no use without \[photos\]/],
  ["embed --model x", /--model: of no use without \[photos\]/],
  ["embed photos --model x --tower y --out z", /--tower: of no use with --model/],
  ["embed FOLDER --config-name tiny --data-dir y --out z", /--data-dir: of no use with a folder/],
  ["tune --together", /--together: of no use without --vary/],
  ["tune --run-name x", /unknown option '--run-name'/],
  ["tune --set seed=3", /--set seed: guie tune sets it itself.*\n.*--seeds/],
  ["tune --vary margin=1=2", /Expected SETTING=VALUE,VALUE/],
  ["train --resume x --run-dir y", /--run-dir: of no use with --resume/],
  ["train --both --stage frozen", /--stage: of no use with --both/],
  [
    "train --stage frozen --backbone-lr-factor 0.1",
    /--backbone-lr-factor: of no use without --stage fine_tune/,
  ],
  ["train --stage frozen --set trainedBlocks=1", /--set trainedBlocks: of no use without --stage fine_tune/],
  ["train --stage frozen --set loraRank=8", /--set loraRank: of no use without --stage fine_tune/],
  ["train --stage fine_tune --set loraAlpha=8", /--set loraAlpha: of no use without --set loraRank=8/],
  ["train --stage fine_tune --features x", /--features: of no use without --stage frozen/],
  ["train --class-share 0.5", /--class-share: of no use without --shard-head/],
  ["train --gradient-dtype bfloat16", /--gradient-dtype: of no use without --processes 2/],
  [
    "train --workers 0 --set lrSchedule=seed",
    /^guie: --workers is called --processes now\.\nguie: lrSchedule "seed" is called "original" now\.\nguie train: The config "demo" does not fit: processes = 0/,
  ],
  ["train --workers 2 --processes 2", /The setting processes is given twice/],
  [
    "train --patch-mean --set gemPower=0",
    /^guie: --patch-mean is called --patch-pooling mean now\.\nguie train: The config "demo" does not fit: gemPower = 0/,
  ],
  ["train --set workrs=2", /no setting "workrs"/],
  ["train --reinit-head", /--reinit-head: of no use without --init-from/],
];

for (const [line, expected] of USELESS) {
  test(`guie ${line}`, async () => {
    const words = line.split(" ").map((word) => (word === "FOLDER" ? installPath("docs") : word));
    const { said, code } = await guie(...words);
    assert.equal(code, 1, said);
    assert.match(said, expected);
  });
}
