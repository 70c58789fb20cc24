// Names of runs that say what differs from their preset.
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { SETTING_NAMES, type SettingName, type TrainConfig } from "./config";
import { PRESET_NAMES, preset } from "./presets";

/** A setting's value. */
type Value = string | number | boolean | readonly (string | number)[] | undefined;

/** Longest name; a longer one ends in a hash of the whole. */
const MOST_LETTERS = 80;
const HASH_LETTERS = 8;

/**
 * Returns a name for runs of a preset with some settings changed, `demo_margin0.2_noStandardise`, in the order of the
 * settings' names. The same changes give the same name.
 * @param changes values by setting; undefined ones do not count
 */
export function nameOfChanges(preset: string, changes: Readonly<Record<string, Value>>): string {
  const parts = Object.entries(changes)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => byCodeUnit(a, b))
    .map(([setting, value]) => partOf(setting, value));
  const name = [preset, ...parts].join("_");
  if (name.length <= MOST_LETTERS) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_LETTERS);
  return `${name.slice(0, MOST_LETTERS - HASH_LETTERS - 1)}_${hash}`;
}

/** Settings that name runs: they are no changes of a preset. */
const NAMES: readonly SettingName[] = ["configName", "stage", "runName", "initFrom"];

/** Returns the name of a run that nobody has named: its preset, what differs from it, and its stage. */
export function nameOfConfig(config: Readonly<TrainConfig>): string {
  const { configName, stage } = config;
  const base = PRESET_NAMES.includes(configName) ? preset(configName, stage) : config;
  const changed = SETTING_NAMES.filter(
    (name) => !NAMES.includes(name) && JSON.stringify(config[name]) !== JSON.stringify(base[name]),
  );
  const changes = Object.fromEntries(changed.map((name) => [name, config[name] as Value]));
  return `${nameOfChanges(configName, changes)}_${stage}`;
}

/** Returns "margin0.2", "shardHead", "noShardHead", "dataDirShop". */
function partOf(setting: string, value: Value): string {
  if (typeof value === "boolean") return value ? setting : `no${capital(setting)}`;
  if (typeof value === "number") return `${setting}${value}`;
  const text = typeof value === "string" ? basename(value).replace(/\.\w+$/, "") : (value ?? []).join("-");
  return `${setting}${capital(text.replaceAll(/[^\p{L}\p{N}.-]+/gu, "-")) || "None"}`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
