// Generates docs/reference/tree.md from the first sentence of each file's head comment and of each folder's README.md.
//   node scripts/check/tree.mjs            fails if it differs, or if a file has no head comment
//   node scripts/check/tree.mjs --write    updates it
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PAGE = join(root, "docs/reference/tree.md");
const HEAD = `# The tree, file by file

Made by \`node scripts/check/tree.mjs --write\` from the head comments of files and the README.md of folders; \`npm run check\` fails where it is stale. The picture of the whole: [ARCHITECTURE.md](../../ARCHITECTURE.md).
`;

const read = (path) => readFileSync(join(root, path), "utf8");

/** Returns the files below some folders that git does not ignore, sorted by path. */
function filesBelow(...folders) {
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...folders], {
    cwd: root,
    encoding: "utf8",
  });
  return [...new Set(list.split("\n").filter((file) => file && existsSync(join(root, file))))].sort();
}

/** Returns the first sentence of a text on one line; an empty or indented line also ends it. */
function firstSentence(text) {
  const line = text
    .trim()
    .split(/\n(?:\s*\n| {2})/)[0]
    .replace(/\s+/g, " ");
  return /^.*?\.(?= |$)/.exec(line)?.[0] ?? line;
}

/** Returns the comment at the start of a file, without its marks; undefined if there is none. */
function headComment(source) {
  const text = source.replace(/^#!.*\n/, "");
  const [comment] = /^(?:(?:\/\/.*\n)+|\/\*[\s\S]*?\*\/|"""[\s\S]*?"""|(?:#.*\n)+)/.exec(text) ?? [];
  return comment?.replace(/^\/\*\*?|\*\/$|^"""|"""$/g, "").replace(/^\s*(?:\/\/|\*|#) ?/gm, "");
}

/** Returns the title of a notebook: the first line of its first cell. */
function notebookTitle(source) {
  const [title] = JSON.parse(source).cells[0].source.join("").split("\n");
  return title.replace(/^#\s*/, "");
}

/** Returns the purpose of a file. */
function describe(path) {
  if (path.endsWith(".ipynb")) return notebookTitle(read(path));
  const comment = headComment(read(path));
  return comment && firstSentence(comment);
}

/** Returns the purpose of a folder: the first paragraph of its README.md, else its line in that of its parent. */
function describeFolder(folder) {
  const readme = `${folder}/README.md`;
  if (existsSync(join(root, readme))) return firstSentence(read(readme).split("\n\n")[1]);
  const list = `${dirname(folder)}/README.md`;
  if (!existsSync(join(root, list))) return undefined;
  return read(list)
    .split("\n")
    .find((line) => line.startsWith(`- \`${basename(folder)}\`: `))
    ?.replace(/^.*?: /, "");
}

/** Paths without a description. */
const undescribed = [];

function described(path, text) {
  if (!text) undescribed.push(path);
  return text ?? "";
}

const isSource = (file) => /\.(?:ts|js|mjs|py|c|ipynb)$/.test(file);

/** Returns the section about a folder and everything below it, a line per file. */
function folderSection(top) {
  const files = filesBelow(top).filter((file) => isSource(file) && !file.startsWith("scripts/originals/"));
  const folders = [...new Set([top, ...files.map((file) => dirname(file))])].sort();
  return folders.map((folder) => {
    const lines = files
      .filter((file) => dirname(file) === folder)
      .map((file) => `- [\`${basename(file)}\`](../../${file}): ${described(file, describe(file))}`);
    const title = `${folder === top ? "##" : "###"} [${folder}](../../${folder})`;
    return [title, described(folder, describeFolder(folder)), lines.join("\n")].filter(Boolean).join("\n\n");
  });
}

/** Returns the section about the tests: a line per folder. */
function testSection() {
  const folders = new Set(
    filesBelow("test").map((file) => file.split("/").slice(0, -1).slice(0, 2).join("/")),
  );
  const lines = [...folders]
    .filter((folder) => folder !== "test")
    .sort()
    .map(
      (folder) =>
        `- [\`${basename(folder)}\`](../../${folder}): ${described(folder, describeFolder(folder))}`,
    );
  return `## [test](../../test)\n\n${describeFolder("test")}\n\n${lines.join("\n")}`;
}

const sections = ["lib", "scripts", "notebooks", "bench"].flatMap(folderSection);
const made = `${[HEAD.trimEnd(), ...sections, testSection()].join("\n\n")}\n`;
if (undescribed.length > 0) {
  console.error(`docs/reference/tree.md: these have no description: ${undescribed.join(", ")}`);
  console.error("A file begins with a comment, a folder has a README.md or a line in that of its parent.");
  process.exitCode = 1;
} else if (process.argv.includes("--write")) writeFileSync(PAGE, made);
else if (made !== readFileSync(PAGE, "utf8")) {
  console.error("docs/reference/tree.md is not what the files say: node scripts/check/tree.mjs --write");
  process.exitCode = 1;
}
