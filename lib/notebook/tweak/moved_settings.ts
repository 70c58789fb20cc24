// What differs from a preset, as values and as the line of code to paste.
import {
  type ConfigOverrides,
  type overrideConfig,
  SETTING_NAMES,
  type SettingName,
} from "../../config/config";
import { PRESET_NAMES, preset } from "../../config/presets";
import { differ } from "../views/training_views";

/** A whole config. */
export type Config = ReturnType<typeof overrideConfig>;

/** Settings that name runs: Train sets them itself. */
const NAMES: readonly SettingName[] = ["configName", "stage", "runName", "initFrom"];

/** Returns the preset of a config; a config of an unknown name is its own. */
export function presetOf(config: Config): Config {
  return PRESET_NAMES.includes(config.configName) ? preset(config.configName, config.stage) : config;
}

/** Returns the settings that differ from the preset's. */
export function movedSettings(config: Config): ConfigOverrides {
  const base = presetOf(config);
  const moved = SETTING_NAMES.filter((name) => !NAMES.includes(name) && differ([config[name], base[name]]));
  return Object.fromEntries(moved.map((name) => [name, config[name]]));
}

/** Returns `overrides: { margin: 0.25, s: 20 },`: the line of Train's parameters that makes this config. */
export function overridesLine(config: Config): string {
  const moved = Object.entries(movedSettings(config)).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}`,
  );
  return `overrides: { ${moved.join(", ")} },`;
}
