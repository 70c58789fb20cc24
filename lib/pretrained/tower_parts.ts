// The choice of a tower from files that hold several: student and teacher, weights and their averages. An ambiguous
// choice is an error.
import { UserError } from "../common/errors";

/** A tower in a file. */
export interface TowerPart {
  /** Prefix of its names, without the last dot: `teacher.backbone`; "." for none. */
  label: string;
  /** True if it is the wanted tower. */
  fits: boolean;
}

/** The two networks of self-distillation (DINO, iBOT); their authors evaluate and publish the teacher. */
const [TEACHER, STUDENT] = ["teacher", "student"];

/**
 * Returns the requested one of several towers.
 * @param wanted a label, or a word of one: `teacher`, `state_dict_ema`; if omitted: the only one that fits, or the
 * teacher if the others are students
 * @throws UserError if the request matches none or several
 */
export function choosePart<Part extends TowerPart>(
  path: string,
  parts: readonly Part[],
  wanted: string | undefined,
): Part {
  const named = wanted === undefined ? parts : partsNamed(parts, wanted);
  if (named.length === 0) {
    throw new UserError(
      `${path} has no part "${wanted}"; it holds towers at ${labels(parts)}.`,
      `Name one of them: ${options(parts)}.`,
    );
  }
  if (named.length === 1) return named[0]!;
  const fitting = named.filter(({ fits }) => fits);
  if (fitting.length === 0) return named[0]!; // the error then describes the first
  if (fitting.length === 1) return fitting[0]!;
  const teachers = fitting.filter(({ label }) => hasWord(label, TEACHER!));
  const others = fitting.filter((part) => !teachers.includes(part));
  if (teachers.length === 1 && others.every(({ label }) => hasWord(label, STUDENT!))) return teachers[0]!;
  throw new UserError(
    `${path} holds ${fitting.length} towers that fit, at ${labels(fitting)}: weights and an average of them, or two models.`,
    `Say which: ${options(fitting)}.`,
  );
}

/** Returns true if a name given by a person matches a part. */
export function isPartNamed(label: string, name: string): boolean {
  return label === name || hasWord(label, name);
}

function partsNamed<Part extends TowerPart>(parts: readonly Part[], wanted: string): Part[] {
  const exact = parts.filter(({ label }) => label === wanted);
  return exact.length > 0 ? exact : parts.filter(({ label }) => hasWord(label, wanted));
}

/** Returns true if a label contains whole words: `ema` is in `ema.visual`, not in `schema`. */
function hasWord(label: string, words: string): boolean {
  return `.${label}.`.includes(`.${words}.`);
}

function labels(parts: readonly TowerPart[]): string {
  return parts.map(({ label }) => (label === "." ? ". (no prefix)" : label)).join(", ");
}

function options(parts: readonly TowerPart[]): string {
  return `${parts.map(({ label }) => `--part ${label}`).join(" or ")} (in a notebook: part)`;
}
