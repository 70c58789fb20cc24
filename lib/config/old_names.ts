// Old names of settings and of their values. They are still read, from configs of old runs and from users, but never
// written.
import { UserError } from "../common/errors";
import { noticeOnce } from "../common/notice";

/** Renamed settings: old name -> present name. */
export const OLD_SETTINGS: ReadonlyMap<string, string> = new Map([
  ["workers", "processes"],
  ["patchMean", "patchPooling"],
]);

/** Renamed values: setting (by its present name) -> old value -> present value. */
const OLD_VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  lrSchedule: { seed: "original" },
  patchPooling: { true: "mean", false: "none" },
};

/** Settings under their present names, with notes on the old ones. */
export interface RenamedSettings {
  settings: Record<string, unknown>;
  /** `the setting "workers" is called "processes" now`, for each old name. */
  notes: string[];
}

/**
 * Returns settings and values under their present names.
 * @throws UserError if a setting is given by both of its names
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
    const text = String(value);
    if (!Object.hasOwn(values, text)) return [setting, value];
    notes.push(`${setting} ${JSON.stringify(value)} is called "${values[text]}" now`);
    return [setting, values[text]];
  });
  return { settings: Object.fromEntries(renamed), notes };
}

/** Returns settings under their present names; writes each new name once per process to standard error. */
export function presentNamesWithNotice(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { settings, notes } = withPresentNames(given);
  for (const note of notes) noticeOnce(`guie: ${note}.`);
  return settings;
}

function refuseBoth(old: string, name: string): never {
  throw new UserError(
    `The settings "${old}" and "${name}" are the same: "${old}" is the old name of "${name}".`,
    `Give only "${name}".`,
  );
}
