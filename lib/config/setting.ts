// The type of one setting of a training run. The other files of this folder have the settings, a table per concern.
import { z } from "zod";

/**
 * A setting: its schema and its value in the preset `vit_224`. The comment above its row is its documentation, one
 * sentence or two: editors and notebooks show it, `settingDocs` gives it to the flags' help and to docs/reference/presets.md.
 */
export interface Setting<T> {
  schema: z.ZodType<T>;
  default: T;
}

/** The values of a table of settings, by name. */
export type SettingsOf<Rows> = { [Name in keyof Rows]: Rows[Name] extends Setting<infer T> ? T : never };

/** Returns the row of a setting. */
export function setting<T>(schema: z.ZodType<T>, value: NoInfer<T>): Setting<T> {
  return { schema, default: value };
}

/** A number above 0. */
export const positive = z.number().positive();
/** A whole number >= 1. */
export const count = z.number().int().positive();
/** A whole number >= 0. */
export const countOrZero = z.number().int().nonnegative();
/** Text that is not empty. */
export const text = z.string().min(1);

/** Returns what is wrong within a setting's value: "row 2, probability: ...". */
export function faultText({ path, message }: { path: readonly PropertyKey[]; message: string }): string {
  const place = path.map((part) => (typeof part === "number" ? `row ${part + 1}` : String(part)));
  return place.length > 0 ? `${place.join(", ")}: ${message}` : message;
}
