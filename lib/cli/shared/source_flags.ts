// The flags that say how a person's own photos are read.
import { resolve } from "node:path";
import type { Command } from "commander";
import type { OwnSource } from "../../datasets/own/own_images";
import { wholeNumberOf } from "./numbers";

/** The flags that say how own photos are read. */
export interface SourceFlags {
  imageColumn?: string;
  classColumn?: string;
  splitColumn?: string;
  root?: string;
  classLevel?: string;
  pattern?: string;
}

/** The names of these settings. */
export const SOURCE_SETTINGS = [
  "imageColumn",
  "classColumn",
  "splitColumn",
  "root",
  "classLevel",
  "pattern",
] as const satisfies (keyof SourceFlags)[];

/** The names of these flags. */
export const SOURCE_FLAGS: readonly string[] = [
  "--image-column",
  "--class-column",
  "--split-column",
  "--root",
  "--class-level",
  "--pattern",
];

/** Adds these flags to a command. */
export function addSourceFlags(command: Command): void {
  command
    .option("--image-column <name>", "own table: column with the images' paths (default: guessed)")
    .option("--class-column <name>", "own table: column with the classes, any text (default: guessed)")
    .option("--split-column <name>", "own table: column with train, val, test (default: guessed)")
    .option("--root <dir>", "own table: folder that holds all images (default: the table's folder)")
    .option(
      "--class-level <n>",
      "own folder: level of the class folders, from 1 (default: the deepest folder)",
    )
    .option("--pattern <pattern>", "own folder: file names that hold the class, such as '{class}_{n}.jpg'");
}

/** Returns what these flags say of a source; nothing for a flag that is not given. */
export function sourceSettings(flags: SourceFlags): Omit<OwnSource, "source" | "labels"> {
  const { imageColumn, classColumn, splitColumn, root, classLevel, pattern } = flags;
  const given = {
    imageColumn,
    classColumn,
    splitColumn,
    pattern,
    root: root === undefined ? undefined : resolve(root),
    classLevel: classLevel === undefined ? undefined : wholeNumberOf("--class-level", classLevel, 1),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
