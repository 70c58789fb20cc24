// Generates the tables of docs/presets.md from the code, so that every number and every meaning is written once.
//   node scripts/check/presets.mjs            fails if they differ from the code
//   node scripts/check/presets.mjs --write    updates them
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkTables, table } from "./generated_tables.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { PRESET_NAMES, preset } = require(join(root, "lib/dist/config/presets.js"));
const { SETTING_NAMES } = require(join(root, "lib/dist/config/config.js"));

/** Returns pairs of column and config: each preset in its own stage, the demo in both. */
function columns() {
  return PRESET_NAMES.flatMap((name) => {
    const config = preset(name);
    if (name !== "demo") return [[`\`${name}\``, config]];
    return ["frozen", "fine_tune"].map((stage) => [`\`demo\` ${stage}`, preset(name, stage)]);
  });
}

/** Returns name, type and meaning (the comment above it) of each setting in config.ts. */
function settings() {
  const source = readFileSync(join(root, "lib/config/config.ts"), "utf8");
  const body = /export interface TrainConfig \{\n([\s\S]*?)\n\}/.exec(source)[1];
  const found = [...body.matchAll(/\/\*\*\s+(?:\* )?((?:(?!\*\/)[\s\S])*?)\s*\*\/\n {2}(\w+): (.+);/g)];
  const rows = found.map(([, meaning, name, type]) => ({
    name,
    type,
    meaning: meaning.replace(/\s*\n\s*\*?\s*/g, " "),
  }));
  const unexplained = SETTING_NAMES.filter((name) => !rows.some((row) => row.name === name));
  if (unexplained.length > 0)
    throw new Error(`lib/config/config.ts does not explain ${unexplained.join(", ")}: add a comment above`);
  return rows;
}

function cell(value) {
  if (value === "" || (Array.isArray(value) && value.length === 0)) return "none";
  return String(value).replaceAll("|", "\\|");
}

function tables() {
  const configs = columns();
  const all = settings();
  const values = (name) => configs.map(([, config]) => cell(config[name]));
  const differing = all.filter(({ name }) => new Set(values(name)).size > 1);
  const presets = table(
    ["setting", ...configs.map(([column]) => column)],
    differing.map(({ name }) => [`\`${name}\``, ...values(name)]),
  );
  const meanings = table(
    ["setting", "may be", "meaning", "in `vit_224`"],
    all.map(({ name, type, meaning }) => [
      `\`${name}\``,
      cell(type.replaceAll('"', "").replace("readonly ", "")),
      meaning.replaceAll("|", "\\|"),
      cell(preset("vit_224")[name]),
    ]),
  );
  return `## Where the presets differ\n\n${presets}\n\n## Every setting\n\n${meanings}\n`;
}

checkTables("presets", tables());
