// What a search tries: settings and values, for one stage or for both, from words like "margin=0.2,0.3".
import { messageOf, UserError } from "../common/errors";
import { DEFAULTS, requireSetting, type SettingName } from "../config/config";
import { presentNamesWithNotice } from "../config/old_names";
import type { Stage } from "../config/run";
import { STAGES, stagesOf } from "../config/stage_settings";
import { valueText } from "../config/value_text";

/** One setting with one value. */
export interface Choice {
  setting: SettingName;
  /** The stage that it is for; undefined for every stage of the search that uses the setting. */
  stage?: Stage | undefined;
  value: unknown;
}

/** A setting with the values to try. */
interface Variation extends Omit<Choice, "value"> {
  values: unknown[];
}

const EXAMPLE = 'For example --vary margin=0.2,0.3 "s=16 margin=0" fine_tune.initLr=0.001';

/**
 * Parses a word of `--vary` into the alternatives to try. "margin=0.2,0.3": one for each value, which is a number, true,
 * false, text or JSON ("blocks=[1,2],[3,4]"). "s=16 margin=0": settings that change together. "fine_tune.initLr=0.001":
 * the setting of one stage.
 * @returns the choices of each alternative
 * @throws UserError for text of another form, an unknown setting, or a value that comes twice
 */
export function parseVariation(text: string): Choice[][] {
  const variations = pieces(text, " ").map((part) => settingAndValues(part, text));
  if (variations.length === 0) throw formError(text);
  let alternatives: Choice[][] = [[]];
  for (const { values, ...about } of variations)
    alternatives = alternatives.flatMap((some) => values.map((value) => [...some, { ...about, value }]));
  return alternatives;
}

function settingAndValues(part: string, text: string): Variation {
  const [, stage, name, values] = /^(?:(frozen|fine_tune)\.)?([^=.[\]{}"]+)=([^=].*)$/s.exec(part) ?? [];
  const isPlain = values !== undefined && !/["[{]/.test(values);
  if (!name || !values || (isPlain && values.includes("="))) throw formError(text);
  const setting = requireSetting(name);
  const given = pieces(values, ",").map((piece) => parsedValue(setting, piece));
  const renamed = given.map((value) => presentNamesWithNotice({ [name]: value })[setting]);
  const distinct = new Set(renamed.map((value) => JSON.stringify(value)));
  if (distinct.size === renamed.length && renamed.length > 0)
    return { setting, stage: stage as Stage | undefined, values: renamed };
  throw new UserError(`--vary takes different values, got "${part}".`, EXAMPLE);
}

function formError(text: string): UserError {
  return new UserError(`Expected SETTING=VALUE,VALUE, got "${text}".`, EXAMPLE);
}

/** Divides text at a separator outside of brackets and quotes; empty pieces are left out. */
function pieces(text: string, separator: "," | " "): string[] {
  const found = text.match(PIECES[separator]) ?? [];
  let [piece, depth] = ["", 0];
  const parts: string[] = [];
  for (const token of found) {
    if (token === separator && depth === 0) {
      parts.push(piece);
      piece = "";
      continue;
    }
    if (/^[[{]$/.test(token)) depth++;
    if (/^[\]}]$/.test(token)) depth--;
    piece += token;
  }
  return [...parts, piece].filter((part) => part !== "");
}

const PIECES = {
  ",": /"(?:[^"\\]|\\.)*"|[[\]{},]|[^[\]{},"]+|"/gs,
  " ": /"(?:[^"\\]|\\.)*"|[[\]{} ]|[^[\]{} "]+|"/gs,
};

/** Returns a value: lists, objects and quoted text are JSON; else text for a setting of text, or a number, true or false. */
function parsedValue(setting: SettingName, text: string): unknown {
  if (!/^[[{"]/.test(text)) {
    if (typeof DEFAULTS[setting] === "string") return text;
    if (text === "true" || text === "false") return text === "true";
    return Number.isFinite(Number(text)) ? Number(text) : text;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`--vary ${setting}: ${text} is no JSON (${messageOf(error)}).`, EXAMPLE);
  }
}

/**
 * Returns the choices that a stage takes.
 * @param staged the stages that the search varies
 */
export function choicesOf(choices: readonly Choice[], stage: Stage): Choice[] {
  return choices.filter((choice) =>
    choice.stage ? choice.stage === stage : stagesOf(choice.setting).includes(stage),
  );
}

/** Refuses choices that no varied stage takes. @throws UserError naming the `--stage` that takes them */
export function refuseUselessChoices(choices: readonly Choice[], varied: readonly Stage[]): void {
  const useless = choices.find((choice) => varied.every((stage) => choicesOf([choice], stage).length === 0));
  if (!useless) return;
  const wanted = STAGES.find((stage) => choicesOf([useless], stage).length > 0)!;
  const partner = `--stage ${varied.length === 1 && varied[0] === "fine_tune" ? "both" : wanted}`;
  throw new UserError(
    `--vary ${choiceName(useless)}: of no use without ${partner}.`,
    `Leave it out, or add ${partner}.`,
  );
}

/** Returns the name of a choice: the setting, "fine_tune.initLr" for one stage. */
export function choiceName({ stage, setting }: Choice): string {
  return stage ? `${stage}.${setting}` : setting;
}

/** Formats choices, "margin 0.3, s 20", or "as it is" if there are none. */
export function choicesText(choices: readonly Choice[]): string {
  return choices.map((choice) => `${choiceName(choice)} ${valueText(choice.value)}`).join(", ") || "as it is";
}
