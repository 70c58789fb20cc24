// docs/tree.md: made from the first sentence of each file's head comment and of each folder's README.md.
//   node scripts/check/tree.mjs            fails where it differs, or where a file has no head comment
//   node scripts/check/tree.mjs --write    writes it anew
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PAGE = join(root, "docs/tree.md");
const HEAD = `# The tree, file by file

Made by \`node scripts/check/tree.mjs --write\` from the head comments of files and the README.md of folders; \`npm run check\` fails where it is stale. The picture of the whole: [ARCHITECTURE.md](../ARCHITECTURE.md).
`;

const read = (path) => readFileSync(join(root, path), "utf8");

/** Returns what lies below some folders and is not ignored by git, by path, sorted. */
function filesBelow(...folders) {
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...folders], {
    cwd: root,
    encoding: "utf8",
  });
  return [...new Set(list.split("\n").filter((file) => file && existsSync(join(root, file))))].sort();
}

/** Returns the first sentence of a text on one line; an empty or indented line ends it as well. */
function firstSentence(text) {
  const line = text
    .trim()
    .split(/\n(?:\s*\n| {2})/)[0]
    .replace(/\s+/g, " ");
  return /^.*?\.(?= |$)/.exec(line)?.[0] ?? line;
}

/** Returns the comment with which a file begins, without its marks; undefined if it begins with code. */
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

/** Returns what a file is for. */
function describe(path) {
  if (path.endsWith(".ipynb")) return notebookTitle(read(path));
  const comment = headComment(read(path));
  return comment && firstSentence(comment);
}

/** Returns what a folder is for: the first paragraph of its README.md, else its line in that of its parent. */
function describeFolder(folder) {
  const own = `${folder}/README.md`;
  if (existsSync(join(root, own))) return firstSentence(read(own).split("\n\n")[1]);
  const list = `${dirname(folder)}/README.md`;
  if (!existsSync(join(root, list))) return undefined;
  return read(list)
    .split("\n")
    .find((line) => line.startsWith(`- \`${basename(folder)}\`: `))
    ?.replace(/^.*?: /, "");
}

const mute = [];

function described(path, text) {
  if (!text) mute.push(path);
  return text ?? "";
}

const isSource = (file) => /\.(?:ts|js|mjs|py|c|ipynb)$/.test(file);

/** Returns the part of the page about a folder and all below it, a line per file. */
function folderSection(top) {
  const files = filesBelow(top).filter((file) => isSource(file) && !file.startsWith("scripts/originals/"));
  const folders = [...new Set([top, ...files.map((file) => dirname(file))])].sort();
  return folders.map((folder) => {
    const lines = files
      .filter((file) => dirname(file) === folder)
      .map((file) => `- [\`${basename(file)}\`](../${file}): ${described(file, describe(file))}`);
    const title = `${folder === top ? "##" : "###"} [${folder}](../${folder})`;
    return [title, described(folder, describeFolder(folder)), lines.join("\n")].filter(Boolean).join("\n\n");
  });
}

/** Returns the part of the page about the tests: a line per folder. */
function testSection() {
  const folders = new Set(
    filesBelow("test").map((file) => file.split("/").slice(0, -1).slice(0, 2).join("/")),
  );
  const lines = [...folders]
    .filter((folder) => folder !== "test")
    .sort()
    .map(
      (folder) => `- [\`${basename(folder)}\`](../${folder}): ${described(folder, describeFolder(folder))}`,
    );
  return `## [test](../test)\n\n${describeFolder("test")}\n\n${lines.join("\n")}`;
}

const sections = ["lib", "scripts", "notebooks", "bench"].flatMap(folderSection);
const made = `${[HEAD.trimEnd(), ...sections, testSection()].join("\n\n")}\n`;
if (mute.length > 0) {
  console.error(`docs/tree.md: nothing says what these are for: ${mute.join(", ")}`);
  console.error("A file begins with a comment, a folder has a README.md or a line in that of its parent.");
  process.exitCode = 1;
} else if (process.argv.includes("--write")) writeFileSync(PAGE, made);
else if (made !== readFileSync(PAGE, "utf8")) {
  console.error("docs/tree.md is not what the files say: node scripts/check/tree.mjs --write");
  process.exitCode = 1;
}
