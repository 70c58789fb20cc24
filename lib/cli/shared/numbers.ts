// Parsing of flags' numbers.
import { UserError } from "../../common/errors";

/** Parses a flag's number. @throws UserError if it is not a number */
export function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  const example = flag.startsWith("--set") ? `${flag}=1` : `${flag} 1`;
  throw new UserError(`${flag} takes a number, got "${text}".`, `For example: ${example}`);
}

/** Parses a flag's whole number. @throws UserError if it is not one, or less than `least` */
export function wholeNumberOf(flag: string, text: string, least?: number): number {
  const value = numberOf(flag, text);
  if (Number.isSafeInteger(value) && value >= (least ?? value)) return value;
  const wanted = least === undefined ? "a whole number" : `a whole number from ${least}`;
  throw new UserError(`${flag} takes ${wanted}, got "${text}".`, `For example: ${flag} ${least ?? 1}`);
}

/** Returns the share, between 0 and 1, that an option's text stands for. @throws UserError for anything else */
export function shareOf(option: string, text: string): number {
  const share = Number(text);
  if (text.trim() !== "" && share > 0 && share < 1) return share;
  throw new UserError(
    `${option} takes a share between 0 and 1, got "${text}".`,
    `For example ${option} 0.33`,
  );
}
