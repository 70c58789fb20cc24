// Parameters of a notebook, which a headless run can override.
import { messageOf, nearestName, UserError } from "../../common/errors";
import { display } from "./display";
import { tableText } from "./table";
import { tableHtml } from "./table_html";

/** Type of a notebook's parameter; undefined means not set: a preset, a data set or a run decides. */
export type ParamValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | Readonly<Record<string, unknown>>
  | undefined;

/**
 * Returns the parameters of a notebook, in its one parameters cell: `const { dataDir, seed } = params({ dataDir:
 * "data/demo", seed: 999 })`. A headless run overrides some of them by the environment variable GUIE_PARAMS, a JSON
 * object (`npm run notebooks -- Train --params '{"Train": {"seed": 1}}'`; null: not set). Shows the values and marks
 * overridden ones.
 * @throws UserError for an unknown parameter, or a value of another type than the default's
 * @example
 * const p = params({ run: "demo", seed: 999 });
 */
export function params<T extends Record<string, ParamValue>>(defaults: T): Widened<T> {
  const overrides = readOverrides();
  for (const [name, value] of Object.entries(overrides)) checkParam(name, value, defaults);
  const given = Object.entries(overrides).map(([name, value]) => [name, value ?? undefined]);
  const values = { ...defaults, ...Object.fromEntries(given) };
  const isSet = given.length > 0;
  const rows = Object.keys(defaults).map((name) => [
    name,
    textOf(values[name]),
    ...(isSet ? [name in overrides ? `set for this run (default ${textOf(defaults[name])})` : ""] : []),
  ]);
  const table = { columns: ["parameter", "value", ...(isSet ? [""] : [])], rows };
  const all = { maxRows: rows.length };
  display({ "text/html": tableHtml(table, all), "text/plain": tableText(table, all) });
  return values as Widened<T>;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  return value === undefined ? "not set" : JSON.stringify(value);
}

/** Types of parameters by their defaults: `{ seed: 999 }` has type number, not 999. */
export type Widened<T> = {
  [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends number
      ? number
      : T[K] extends boolean
        ? boolean
        : T[K];
};

function readOverrides(): Record<string, unknown> {
  const text = process.env.GUIE_PARAMS || "{}";
  const next = `set it to a JSON object, for example GUIE_PARAMS='{"seed": 1}'`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UserError(`GUIE_PARAMS is not JSON (${messageOf(error)}): ${text}`, next);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw new UserError(`GUIE_PARAMS must be a JSON object, it is ${text}.`, next);
}

function checkParam(name: string, value: unknown, defaults: Record<string, ParamValue>): void {
  const names = Object.keys(defaults);
  if (!names.includes(name)) {
    const near = nearestName(name, names);
    throw new UserError(
      `GUIE_PARAMS names "${name}", which is not a parameter of this notebook.`,
      near ? `did you mean "${near}"?` : `its parameters are ${names.join(", ")}`,
    );
  }
  // The type of an unset parameter is checked where it is used.
  const isUnset = defaults[name] === undefined;
  const found = typeName(value);
  const expected = isUnset ? "text, a number, a boolean or a list" : typeName(defaults[name]);
  if (isUnset ? found === "object" : expected !== found) {
    const shown = JSON.stringify(value);
    throw new UserError(
      `GUIE_PARAMS: "${name}" must be a ${expected} like its default ${textOf(defaults[name])}, it is ${shown} (${found}).`,
      `give a ${expected}`,
    );
  }
}

/** Returns "number", "string", "boolean", "list", "null" or "object". */
function typeName(value: unknown): string {
  return Array.isArray(value) ? "list" : value === null ? "null" : typeof value;
}
