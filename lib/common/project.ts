import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { UserError } from "./errors";

const PROJECT_NAME = "universal-image-embedding";

/** The folder of the whole workspace: the one whose package.json carries the project's name. */
export function projectRoot(): string {
  let folder = __dirname;
  while (dirname(folder) !== folder) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === PROJECT_NAME)
      return folder;
    folder = dirname(folder);
  }
  throw new UserError(
    `No package.json named ${PROJECT_NAME} above ${__dirname}.`,
    "Run from a clone of the project.",
  );
}

/**
 * `path` as it is when absolute, else below the project's root: notebooks and scripts mean the same file.
 * @example
 * projectPath("data/demo", "csv") // "/home/me/project/data/demo/csv"
 */
export function projectPath(...parts: string[]): string {
  const path = join(...parts);
  return isAbsolute(path) ? path : join(projectRoot(), path);
}
