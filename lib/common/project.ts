// Paths of the project: a person's data and runs are below the root, the program's own files below its installation.
import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { UserError } from "./errors";

const PROJECT_NAME = "universal-image-embedding";

/** The environment variable that names the root in place of the clone. */
const ROOT_VARIABLE = "GUIE_ROOT";

/** The folder that holds this package, its node_modules and .venv: a clone of the project. */
const INSTALLATION = resolve(__dirname, "../../..");

let root: string | undefined;

/**
 * Returns the absolute folder that relative paths (`data`, `checkpoints/RUN`) start from, which is found once:
 * the argument of `setRoot`, else the environment variable GUIE_ROOT, else the clone that this package is in, else
 * the folder in which the process was started.
 * @throws UserError if GUIE_ROOT names no folder
 */
export function projectRoot(): string {
  const { [ROOT_VARIABLE]: named } = process.env;
  if (root === undefined && named) setRoot(named);
  root ??= isClone(INSTALLATION) ? INSTALLATION : process.cwd();
  return root;
}

/**
 * Sets the root for this process and for the processes that it starts (through GUIE_ROOT).
 * @throws UserError if there is no such folder
 * @example
 * setRoot("/home/me/photos-project");
 */
export function setRoot(folder: string): void {
  const path = resolve(folder);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(
      `Expected the root of data/ and checkpoints/ at ${path}: there is no such folder.`,
      `Make it, or name another by ${ROOT_VARIABLE} or setRoot(folder).`,
    );
  root = path;
  process.env[ROOT_VARIABLE] = path;
}

/**
 * Returns `path` as it is when absolute, else below the root: notebooks, commands and scripts mean the same file.
 * @example
 * projectPath("data/demo", "csv") // "/home/me/project/data/demo/csv"
 */
export function projectPath(...parts: string[]): string {
  const path = join(...parts);
  return isAbsolute(path) ? path : join(projectRoot(), path);
}

/** Returns the path of a part of the program (node_modules, .venv, lib), wherever the root is. */
export function installPath(...parts: string[]): string {
  return join(INSTALLATION, ...parts);
}

function isClone(folder: string): boolean {
  const manifest = join(folder, "package.json");
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === PROJECT_NAME;
}
