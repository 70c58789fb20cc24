// What differs from a preset, as the line of code to paste.
import type { overrideConfig } from "../../config/config";
import { changedSettings } from "../../config/run_name";

/** A whole config. */
export type Config = ReturnType<typeof overrideConfig>;

/** The parameter of Train that changes one stage alone. */
const PARAMETER = { frozen: "frozen", fine_tune: "fineTune" } as const;

/** Returns `frozen: { margin: 0.25, s: 20 },`: the line of Train's parameters that makes this config. */
export function overridesLine(config: Config): string {
  const moved = Object.entries(changedSettings(config)).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}`,
  );
  return `${PARAMETER[config.stage]}: { ${moved.join(", ")} },`;
}
