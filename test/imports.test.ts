// Checks of imports within lib. lib/README.md lists the order of the folders; imports of types count, too.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { parseSync } from "oxc-parser";

const lib = installPath("lib");
/** Maximum number of files in a folder. */
const MOST_FILES = 25;
/** Maximum number of files that name the whole config of a run. */
const MOST_WHOLE_CONFIGS = 12;

/** Folders of lib in the order in which they may import each other. */
const ORDER = Array.from(
  readFileSync(join(lib, "README.md"), "utf8").matchAll(/^\d+\. \[`([\w/]+)`\]/gm),
  ([, folder]) => folder!,
);

/** Every source of lib, by its path below lib -> the sources that it imports. */
const IMPORTS = new Map(
  readdirSync(lib, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(dist|node_modules)\//.test(file))
    .sort()
    .map((file) => [file, importsOf(file)] as const),
);

/** Returns the sources that a file imports or re-exports, as types or values, statically or dynamically. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(lib, file), "utf8");
  const { module, errors } = parseSync(file, text);
  assert.deepEqual(errors, [], file);
  const requests = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest }) => (moduleRequest ? [moduleRequest.value] : [])),
    ),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => text.slice(start + 1, end - 1)),
  ];
  const sources = requests
    .filter((request) => request.startsWith("."))
    .map((request) => `${join(dirname(file), request.replace(/\.js$/, ""))}.ts`)
    .filter((source) => !source.endsWith(".json.ts"));
  for (const source of sources) assert.ok(existsSync(join(lib, source)), `${file} imports ${source}`);
  return [...new Set(sources)];
}

/** Returns the groups of files that import each other in a circle (Tarjan's strongly connected components). */
function circles(): string[][] {
  const [found, stack, place, low]: [string[][], string[], Map<string, number>, Map<string, number>] = [
    [],
    [],
    new Map(),
    new Map(),
  ];
  const visit = (file: string): void => {
    place.set(file, place.size);
    low.set(file, place.get(file)!);
    stack.push(file);
    for (const next of IMPORTS.get(file)!) {
      if (!place.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== place.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) found.push(circle);
  };
  for (const file of IMPORTS.keys()) if (!place.has(file)) visit(file);
  return found;
}

const filesOf = (folder: string) => [...IMPORTS.keys()].filter((file) => dirname(file) === folder);
const isIn = (file: string, folder: string) => file.startsWith(`${folder}/`);

test("lib/README.md lists every folder of lib, and every folder has a README", () => {
  assert.ok(IMPORTS.size > 400, `${IMPORTS.size} files: the test reads too few`);
  const folders = [...new Set([...IMPORTS.keys()].map((file) => dirname(file)))].filter(
    (name) => name !== ".",
  );
  assert.deepEqual([...ORDER].sort(), folders.sort());
  for (const folder of folders) {
    const text = readFileSync(join(lib, folder, "README.md"), "utf8");
    assert.match(text, new RegExp(`^# ${folder}\n\n[^\n]+\n\n[^]*Start with `), folder);
    const links = Array.from(text.matchAll(/\]\(([\w.]+\.ts)\)/g), ([, file]) => file!);
    for (const file of links) assert.ok(existsSync(join(lib, folder, file)), `${folder}/README.md: ${file}`);
  }
});

test("a file imports from its own folder and from folders before it", () => {
  const rank = (file: string) => (dirname(file) === "." ? ORDER.length : ORDER.indexOf(dirname(file)));
  const against = [...IMPORTS].flatMap(([file, sources]) =>
    sources.filter((source) => rank(source) > rank(file)).map((source) => `${file} imports ${source}`),
  );
  assert.deepEqual(against, []);
});

test("the engine imports only common; commands and notebooks do not import each other", () => {
  const strangers = [...IMPORTS].flatMap(([file, sources]) =>
    sources
      .filter(
        (source) =>
          (isIn(file, "engine") && !isIn(source, "engine") && !isIn(source, "common")) ||
          (isIn(file, "notebook") && isIn(source, "cli")) ||
          (isIn(file, "cli") && isIn(source, "notebook")),
      )
      .map((source) => `${file} imports ${source}`),
  );
  assert.deepEqual(strangers, []);
});

/** Files that may resolve relative paths although no command or notebook calls them, with the reason. */
const OTHER_BORDERS = [
  "config/paths.ts", // the paths of a config
  "common/files/kept_folder.ts", // .cache/kept below the root
  "datasets/over_data_sets.ts", // its advice repeats the data directory as given
  "datasets/own/read_own_images.ts", // photos as a person names them
  "embedding/find_model.ts", // a model as a person names it
  "embedding/prepared_tower.ts", // the same
  "training/launcher.ts", // children start in the root
  "training/processes/rank_children.ts",
];

test("only commands, files that notebooks import, and readers of a config make paths absolute", () => {
  const api = [...IMPORTS].filter(([file]) => isIn(file, "api")).flatMap(([, sources]) => sources);
  const borders = new Set([...api, ...OTHER_BORDERS, "common/project.ts"]);
  const callers = [...IMPORTS.keys()].filter((file) =>
    /\bproject(Path|Root)\(/.test(readFileSync(join(lib, file), "utf8")),
  );
  assert.deepEqual(
    callers.filter((file) => !borders.has(file) && !isIn(file, "cli")),
    [],
    "take an absolute path there, or have the caller make it one",
  );
});

test("no files import each other in a circle", () => {
  assert.deepEqual(circles(), []);
});

test(`no folder has more than ${MOST_FILES} files; few files name the whole config`, (t) => {
  const counts = ORDER.map((folder) => [folder, filesOf(folder).length] as const);
  const wholes = [...IMPORTS.keys()].filter((file) =>
    /\bTrainConfig\b/.test(readFileSync(join(lib, file), "utf8")),
  );
  t.diagnostic(counts.map(([folder, count]) => `${folder} ${count}`).join(", "));
  t.diagnostic(
    `${IMPORTS.size} files, ${ORDER.length} folders, ${circles().length} circles, ${wholes.length} files name TrainConfig`,
  );
  assert.deepEqual(
    counts.filter(([, count]) => count > MOST_FILES),
    [],
  );
  assert.ok(wholes.length <= MOST_WHOLE_CONFIGS, `TrainConfig: ${wholes.join(", ")}`);
});
