// Tests that advice can be typed: every flag in a command's messages exists in that command.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { installPath } from "guie/dist/common/project";

/** Each command's options ("--data-dir"), with those of its subcommands, and the file of lib/cli that registers it. */
const COMMANDS = commands();

function commands(): Map<string, { file: string; flags: Set<string> }> {
  const found = new Map<string, { file: string; flags: Set<string> }>();
  for (const file of readdirSync(installPath("lib/cli"), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file === "main.ts") continue;
    const exported = require(installPath("lib/dist/cli", file.replace(/ts$/, "js")));
    for (const [name, register] of Object.entries(exported)) {
      if (!/^register[A-Z]/.test(name)) continue;
      const program = new Command();
      (register as (program: Command) => void)(program);
      for (const command of program.commands) {
        const all = [command, ...command.commands].flatMap(({ options }) => options);
        const shown = all.filter(({ hidden }) => !hidden); // no message advises an old name
        const flags = new Set(["--help", ...shown.map(({ long }) => long!)]);
        found.set(command.name(), { file: `lib/cli/${file}`, flags });
      }
    }
  }
  return found;
}

/**
 * Files outside of lib/cli whose messages name a flag without its command, and the commands that print them. A message
 * for others, too (a notebook, several commands), says "npx guie COMMAND --flag", or names the setting.
 */
const REACHED_BY: Readonly<Record<string, readonly string[]>> = {
  "lib/export/": ["export"],
  "lib/serving/": ["serve"],
  "lib/verdict/": ["evaluate"],
  "lib/finding/judge_index.ts": ["evaluate"],
  "lib/finding/kept_verdict.ts": ["evaluate"],
  "lib/experiments/soup.ts": ["soup"],
  "lib/experiments/tune.ts": ["tune"],
  "lib/experiments/search_plan.ts": ["tune"],
  "lib/experiments/variations.ts": ["tune"],
  "lib/pretrained/export_names.ts": ["export"],
  "lib/pretrained/": ["prepare-model"],
  "lib/formats/": ["prepare-model"],
  "lib/common/files/replace.ts": ["export", "embed", "soup", "train"],
  "lib/datasets/archives/": ["get-data"],
  "lib/datasets/over_data_sets.ts": ["get-data", "preprocess", "merge"],
  "lib/tables/merge.ts": ["merge", "preprocess"],
  "lib/training/head_rows.ts": ["train"],
  "lib/tables/held_out.ts": ["merge"],
  "lib/embedding/transform_model.ts": ["whiten"],
  "lib/experiments/fit_transform.ts": ["whiten"],
  "lib/photos/transforms.ts": ["fit"],
  "lib/photos/climb.ts": ["fit"],
  "lib/datasets/own/foreign_annotations.ts": ["get-data", "fit", "embed", "find", "serve", "inspect"],
  "lib/training/data/choice_classes.ts": ["train", "tune"],
  "lib/training/processes/train_run.ts": ["train"],
  "lib/index_folder/coded_folder.ts": ["find", "serve"],
  "lib/retrieval/stored_index.ts": ["find"],
  "lib/index_folder/": ["index", "find", "serve"],
  "lib/features/same_model": ["index", "find", "serve"],
  "lib/features/shard_place.ts": ["embed"],
  "lib/features/feature_shards.ts": ["embed"],
  "lib/datasets/get_data.ts": ["get-data"],
  "lib/datasets/raw_link.ts": ["get-data"],
  "lib/config/presets.ts": ["train", "tune", "evaluate", "compare", "reduce", "serve"],
  "lib/training/run.ts": ["train"],
  "lib/runs/": ["train"],
};

/** Other programs with flags. */
const FOREIGN = /\b(curl|git clone|pip|convmv|kaggle|mv|npm run|wget)\b/;

interface Advice {
  file: string;
  flag: string;
  text: string;
  /** The command before the flag. */
  command: string | undefined;
}

/** Returns every flag in the sources' string literals that is part of a sentence or of a command to type. */
function advices(): Advice[] {
  const files = readdirSync(installPath("lib"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file))
    .map((file) => join("lib", file))
    .sort();
  return files.flatMap((file) => {
    const source = readFileSync(installPath(file), "utf8").replaceAll(/^\s*(\/\/|\/?\*).*$/gm, "");
    const literals = source.match(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? [];
    return literals
      .filter((text) => !/^"--[\w-]+ <[^>]+>"$/.test(text)) // declares the flag
      .filter((text) => text.includes(" ") && !FOREIGN.test(text) && !/<style|var\(--|--[\w-]+:\s/.test(text))
      .flatMap((text) =>
        Array.from(text.matchAll(/(?<![\w-])--[a-z][\w-]*/g), ({ 0: flag, index }) => {
          const before = text.slice(0, index);
          // After its command, in the same sentence
          return { file, flag, text, command: /^[\s\S]*\bguie ([a-z-]+)[^.;`]*$/.exec(before)?.[1] };
        }),
      );
  });
}

test("every flag in a message exists in the command that prints it, or that it names", () => {
  assert.equal(COMMANDS.size, 25, [...COMMANDS.keys()].join(", "));
  assert.ok(COMMANDS.get("tune")!.flags.has("--vary") && !COMMANDS.get("tune")!.flags.has("--overwrite"));
  const found = advices();
  assert.ok(found.length > 100, `${found.length} flags: the test reads too few`);
  const faults = found.flatMap(({ file, flag, text, command }) => {
    const registered = [...COMMANDS].filter(([, { file: of }]) => of === file).map(([name]) => name);
    const reached = Object.entries(REACHED_BY).find(([prefix]) => file.startsWith(prefix))?.[1] ?? registered;
    const said = command === undefined ? reached : [command];
    if (said.length === 0)
      return file.startsWith("lib/cli/") ? [] : [`${file}: ${flag} of which command? ${text}`];
    return said
      .filter((name) => !COMMANDS.get(name)?.flags.has(flag))
      .map((name) => `${file}: guie ${name} has no ${flag}: ${text}`);
  });
  assert.deepEqual(faults, []);
});
