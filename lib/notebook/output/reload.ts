// Reloads edited files of lib in a running notebook.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { UserError } from "../../common/errors";
import { listNames } from "../../common/files/files";
import { installPath } from "../../common/project";

/** Folder of the compiled lib. */
const DIST = installPath("lib/dist");

/**
 * Folders with modules that stay loaded: the engine holds libraries, foreign types and sessions, which must not be
 * opened twice in one process; the engine imports common.
 */
const KEPT_FOLDERS = ["common", "engine"];

// On the global object, because reload() also reloads this module.
const LOADED = Symbol.for("guie.keptModules");
const shared = globalThis as { [LOADED]?: Map<string, string> };
shared[LOADED] ??= digestsOfKept();

/**
 * Compiles lib after an edit and unloads its modules: the next `import ... from "guie"` in a cell loads the new code
 * and types. Names imported by earlier cells keep the old code until they are imported again.
 * @throws UserError with the compiler's messages if lib does not compile; the loaded code then stays
 * @example
 * await reload(); // what was edited below lib/ holds from here on
 */
export async function reload(): Promise<void> {
  await compile();
  const folders = KEPT_FOLDERS.map((name) => join(DIST, name) + sep);
  for (const path of Object.keys(require.cache)) {
    if (!path.startsWith(DIST + sep) || folders.some((folder) => path.startsWith(folder))) continue;
    delete require.cache[path];
  }
  console.log('lib is compiled: run the cells with `import ... from "guie"` again to use it.');
  const changed = changedKept();
  if (changed.length > 0) console.log(`Restart the kernel to use the changes in ${changed.join(", ")}.`);
}

async function compile(): Promise<void> {
  const compiler = installPath("node_modules", "typescript", "bin", "tsc");
  const child = spawn(process.execPath, [compiler, "-b", "lib", "--pretty", "false"], { cwd: installPath() });
  let output = "";
  const keep = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  if (code !== 0)
    throw new UserError(`lib does not compile:\n${output.trim()}`, "fix it, then run this cell again");
}

/** Returns a map of compiled file -> digest of its content. */
function digestsOfKept(): Map<string, string> {
  const files = KEPT_FOLDERS.filter((folder) => existsSync(join(DIST, folder))).flatMap((folder) =>
    listNames(join(DIST, folder), "files")
      .filter((name) => name.endsWith(".js"))
      .map((name) => join(folder, name)),
  );
  return new Map(files.map((file) => [file, digestOf(join(DIST, file))]));
}

function digestOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Returns the source paths of kept modules with compiled code that has changed since lib was loaded. */
function changedKept(): string[] {
  const before = shared[LOADED]!;
  const changed = [...digestsOfKept()].filter(
    ([file, digest]) => before.has(file) && before.get(file) !== digest,
  );
  return changed.map(([file]) => `lib/${file.replace(/\.js$/, ".ts")}`);
}
