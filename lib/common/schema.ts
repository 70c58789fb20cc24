// Checks values from files against a schema before they are used; the message says what came instead.
import type { z } from "zod";
import { messageOf, UserError } from "./errors";

/** The most faults named in one message. */
const FAULTS_SHOWN = 5;

/**
 * Checks a value that came from outside.
 * @param what its name in the message: a file, a line of it
 * @throws UserError naming the faults and where they are
 */
export function checkShape<T>(what: string, value: unknown, schema: z.ZodType<T>, next?: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const faults = issues
    .slice(0, FAULTS_SHOWN)
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message));
  const more = issues.length > FAULTS_SHOWN ? ` and ${issues.length - FAULTS_SHOWN} more` : "";
  throw new UserError(`${what} does not fit: ${faults.join("; ")}${more}.`, next);
}

/**
 * Reads a JSON text that came from outside.
 * @throws UserError if it is not JSON, or as `checkShape`
 */
export function parseJson<T>(what: string, text: string, schema: z.ZodType<T>, next?: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${what} is not readable JSON: ${messageOf(error)}.`, next, { cause: error });
  }
  return checkShape(what, value, schema, next);
}
