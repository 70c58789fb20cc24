// Names that settings and their values had in former versions. Configs of old runs, and whoever still uses an old name,
// are understood; nothing is written by these names any more.
import { UserError } from "../common/errors";
import { noticeOnce } from "../common/notice";

/** Settings that have another name now, by their old one. */
export const OLD_SETTINGS: ReadonlyMap<string, string> = new Map([["workers", "processes"]]);

/** Values that have another name now: setting (by its present name), then the old value. */
const OLD_VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  lrSchedule: { seed: "original" },
};

/** Settings by their present names, and what was called otherwise. */
export interface RenamedSettings {
  settings: Record<string, unknown>;
  /** `the setting "workers" is called "processes" now`, for each old name. */
  notes: string[];
}

/**
 * Gives settings and values their present names.
 * @throws UserError where a setting is given by both of its names
 */
export function withPresentNames(given: Readonly<Record<string, unknown>>): RenamedSettings {
  const notes: string[] = [];
  const renamed = Object.entries(given).map(([name, value]) => {
    const setting = OLD_SETTINGS.get(name) ?? name;
    if (setting !== name) {
      if (setting in given) refuseBoth(name, setting);
      notes.push(`the setting "${name}" is called "${setting}" now`);
    }
    const values = Object.hasOwn(OLD_VALUES, setting) ? OLD_VALUES[setting]! : {};
    if (typeof value !== "string" || !Object.hasOwn(values, value)) return [setting, value];
    notes.push(`${setting} "${value}" is called "${values[value]}" now`);
    return [setting, values[value]];
  });
  return { settings: Object.fromEntries(renamed), notes };
}

/** Gives settings their present names, and says each new name once in a process, on standard error. */
export function sayingPresentNames(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { settings, notes } = withPresentNames(given);
  for (const note of notes) noticeOnce(`guie: ${note}.`);
  return settings;
}

function refuseBoth(old: string, name: string): never {
  throw new UserError(
    `The settings "${old}" and "${name}" are one: "${old}" is its old name.`,
    `Give "${name}" alone.`,
  );
}
