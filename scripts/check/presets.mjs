// Generates the tables of docs/reference/presets.md from the code, so that every number and every meaning is written once.
//   node scripts/check/presets.mjs            fails if they differ from the code
//   node scripts/check/presets.mjs --write    updates them
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkTables, table } from "./generated_tables.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { PRESET_NAMES, preset } = require(join(root, "lib/dist/config/presets.js"));
const { SETTINGS } = require(join(root, "lib/dist/config/config.js"));
const { settingDocs } = require(join(root, "lib/dist/config/setting_docs.js"));
const { flagOf } = require(join(root, "lib/dist/cli/shared/config_flags.js"));
const { z } = require("zod");

/** Returns pairs of column and config: each preset in its own stage, the demo in both. */
function columns() {
  return PRESET_NAMES.flatMap((name) => {
    const config = preset(name);
    if (name !== "demo") return [[`\`${name}\``, config]];
    return ["frozen", "fine_tune"].map((stage) => [`\`demo\` ${stage}`, preset(name, stage)]);
  });
}

/** The words for what a setting may be. */
function kindOf({ schema }) {
  const { type, enum: words, anyOf } = z.toJSONSchema(schema, { io: "input" });
  if (anyOf) return `${anyOf[0].enum.join(" | ")} | list of rows`;
  if (words) return words.join(" | ");
  return { integer: "whole number", array: "list of whole numbers" }[type] ?? type;
}

function cell(value) {
  if (value === "" || (Array.isArray(value) && value.length === 0)) return "none";
  return String(value).replaceAll("|", "\\|");
}

function tables() {
  const configs = columns();
  const all = Object.entries(SETTINGS);
  const values = (name) => configs.map(([, config]) => cell(config[name]));
  const differing = all.filter(([name]) => new Set(values(name)).size > 1);
  const presets = table(
    ["setting", ...configs.map(([column]) => column)],
    differing.map(([name]) => [`\`${name}\``, ...values(name)]),
  );
  const meanings = table(
    ["setting", "may be", "meaning", "in `vit_224`", "flag"],
    all.map(([name, row]) => [
      `\`${name}\``,
      cell(kindOf(row)),
      cell(settingDocs().get(name)),
      cell(row.default),
      flagOf(name).startsWith("--set ") ? "" : `\`${flagOf(name)}\``,
    ]),
  );
  return `## Where the presets differ\n\n${presets}\n\n## Every setting\n\n${meanings}\n`;
}

checkTables("reference/presets", tables());
