// Reads the files of lib/browser for pages and outputs.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInThisContext } from "node:vm";

/** The package's folder: lib/dist/common is below it. */
const BROWSER = join(__dirname, "../../browser");
const EXPORT = "export default ";

/** Reads a file of lib/browser. */
export function browserFile(name: string): string {
  return readFileSync(join(BROWSER, name), "utf8");
}

/** Reads a page's style, behind the colours that all pages share. @param name the file's name, with `.css` */
export function browserStyle(name: string): string {
  return browserFile("colours.css") + browserFile(name);
}

/**
 * Reads the default function of a script of lib/browser, as an expression without comments.
 * @param name the file's name, without `.js`
 * @throws Error if the script does not end with its default function
 */
export function browserFunction(name: string): string {
  const source = browserFile(`${name}.js`)
    .replaceAll(/\/\*\*[\s\S]*?\*\/ ?/g, "")
    .replaceAll(/^\s*\/\/.*\n/gm, "");
  const start = source.indexOf(`${EXPORT}function `);
  if (start < 0 || !source.endsWith("\n}\n"))
    throw new Error(`lib/browser/${name}.js must end with its \`${EXPORT}function\`.`);
  return source.slice(start + EXPORT.length).trimEnd();
}

/**
 * Returns a call of a script's default function, as an expression.
 * @param parts names of further scripts, by the names under which the function gets theirs: `f({ search: function ... })`
 */
export function browserCall(name: string, parts: Readonly<Record<string, string>>): string {
  const given = Object.entries(parts).map(([key, file]) => `${key}: ${browserFunction(file)}`);
  return `(${browserFunction(name)})({ ${given.join(",\n")} })`;
}

/** Returns the same call as an ES module whose default export is what the function returns, for a widget. */
export function browserModule(name: string, parts: Readonly<Record<string, string>>): string {
  return `export default ${browserCall(name, parts)};\n`;
}

/** Returns a script's default function, for scripts that do the same work here as in the page. */
export function browserCode<F>(name: string): F {
  return runInThisContext(`(${browserFunction(name)})`, { filename: `${name}.js` }) as F;
}
