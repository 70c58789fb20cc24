// Names of runs that say what differs from their preset.
import { basename } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { type ConfigOverrides, SETTING_NAMES, type SettingName, type TrainConfig } from "./config";
import { PRESET_NAMES, preset } from "./presets";
import type { RunSettings } from "./run";
import { hashOf, isOfRows, rowsName, shownText } from "./value_text";

/** A setting's value. */
type Value = ConfigOverrides[SettingName];

/** Longest name; a longer one ends in a hash of the whole. */
const MOST_LETTERS = 80;

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
  const hash = hashOf(name);
  return `${name.slice(0, MOST_LETTERS - hash.length - 1)}_${hash}`;
}

/** Settings that name runs: they are no changes of a preset. */
const NAMES: readonly SettingName[] = ["configName", "stage", "runName", "initFrom"];

/** Returns the preset of a config; a config of an unknown name is its own. */
export function presetOf<C extends Readonly<ConfigOverrides & PresetSettings>>(config: C): C | TrainConfig {
  const { configName, stage } = config;
  return PRESET_NAMES.includes(configName) ? preset(configName, stage) : config;
}

/** The settings that name a preset. */
type PresetSettings = Pick<RunSettings, "configName" | "stage">;

/** Returns the settings in which a config differs from its preset, without those that name runs. */
export function changedSettings(config: Readonly<ConfigOverrides & PresetSettings>): ConfigOverrides {
  const base = presetOf(config);
  const changed = SETTING_NAMES.filter(
    (name) => !NAMES.includes(name) && JSON.stringify(config[name]) !== JSON.stringify(base[name]),
  );
  return Object.fromEntries(changed.map((name) => [name, config[name]]));
}

/** Formats settings: "margin 0.2, s 20"; "" for none. */
export function changesText(changes: ConfigOverrides): string {
  return Object.entries(changes)
    .map(([name, value]) => `${name} ${shownText(value)}`)
    .join(", ");
}

/** Returns the name of a run that nobody has named: its preset, what differs from it, and its stage. */
export function nameOfConfig(config: Readonly<TrainConfig>): string {
  const changes = changedSettings(config) as Readonly<Record<string, Value>>;
  return `${nameOfChanges(config.configName, changes)}_${config.stage}`;
}

/** Returns "margin0.2", "shardHead", "noShardHead", "dataDirShop". */
function partOf(setting: string, value: Value): string {
  if (typeof value === "boolean") return value ? setting : `no${capital(setting)}`;
  if (typeof value === "number") return `${setting}${value}`;
  if (isOfRows(value)) return `${setting}${rowsName(value)}`;
  const text = typeof value === "string" ? basename(value).replace(/\.\w+$/, "") : (value ?? []).join("-");
  return `${setting}${capital(inPlainLetters(text)) || "None"}`;
}

/** Returns a text in the letters of a run's name: "Käse" as "Kase", other scripts as a hash. */
function inPlainLetters(text: string): string {
  const base = text.normalize("NFKD").replaceAll(/\p{M}/gu, "");
  const plain = base.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
  return /[^\p{ASCII}]/u.test(base) ? `${plain}${hashOf(base)}` : plain;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
