// One setting of a training run. The tables of settings by concern stand in the files beside this one.
import { z } from "zod";

/** A setting: what it may be, its value in the preset `vit_224`, and one line about it. */
export interface Setting<T> {
  schema: z.ZodType<T>;
  default: T;
  /** Markdown: the flags' help and docs/presets.md are made of it. */
  doc: string;
}

/** The values of a table of settings, by name. */
export type SettingsOf<Rows> = { [Name in keyof Rows]: Rows[Name] extends Setting<infer T> ? T : never };

/** Makes the row of a setting. */
export function setting<T>(schema: z.ZodType<T>, value: NoInfer<T>, doc: string): Setting<T> {
  return { schema, default: value, doc };
}

/** A number above 0. */
export const positive = z.number().positive();
/** A whole number from 1. */
export const count = z.number().int().positive();
/** A whole number from 0. */
export const countOrZero = z.number().int().nonnegative();
/** Text that is not empty. */
export const text = z.string().min(1);
