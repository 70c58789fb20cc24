// Replacing results: which may be replaced, and how the new takes the place of the old.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type MadeKind,
  makingPlace,
  putInPlace,
  replacedPlace,
  requireReplaceable,
  setAside,
  settleReplaced,
} from "guie/dist/common/files/replace";
import { temporaryFolder, writeFile } from "../folders";

const KIND: MadeKind = {
  what: "a set of pages",
  isFolder: true,
  parts: [/^index\.html$/, /^pages\/$/, /^pages\/\d+\.html$/],
  isMade: (path) => existsSync(join(path, "index.html")),
};
const FILE: MadeKind = { what: "a page", isFolder: false, isMade: (path) => path.endsWith(".html") };

const rm = (path: string) => rmSync(path, { recursive: true });
const check = (place: string, kind = KIND, overwrite = true, inputs: string[] = []) =>
  requireReplaceable(place, kind, { overwrite, inputs });

test("a result is replaced if that is asked for; files that are not part of it are named, and stay", (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, "pages");
  check(place, KIND, false);
  mkdirSync(place);
  check(place, KIND, false);
  for (const left of ["index.html.12.ab34.tmp", ".pages.owner", ".DS_Store"])
    writeFile(join(place, left), "");
  check(place, KIND, false); // what a killed process and an operating system left
  for (const file of ["index.html", "pages/1.html"]) writeFile(join(place, file), "");
  assert.throws(
    () => check(place, KIND, false),
    /is there already: a set of pages\.\n {2}Next: Give --overwrite/,
  );
  check(place);
  for (const foreign of ["notes.txt", "pages/mine.html", "pages/2.html/", "other/"]) {
    const added = join(place, foreign);
    if (foreign.endsWith("/")) mkdirSync(added);
    else writeFile(added, "mine");
    for (const overwrite of [false, true]) {
      assert.throws(
        () => check(place, KIND, overwrite),
        ({ message }: Error) =>
          /holds what is not part of a set of pages: .*It stays as it is/.test(message) &&
          message.includes(`: ${foreign}.`) &&
          !message.includes("--overwrite"),
        foreign,
      );
    }
    rm(added);
  }
  check(place);
});

test("folders with other contents, links, other kinds, and inputs of the new are not replaced", (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, "pages");
  writeFile(join(place, "index.html"), "");
  const refused = (path: string, message: RegExp, kind = KIND, inputs: string[] = []) =>
    assert.throws(() => check(path, kind, true, inputs), message, path);
  refused(folder, /not part of a set of pages: pages\//);
  refused("/", /not part of a set of pages: .*, \.\.\./);
  refused(place, /is a folder, and a page is a file/, FILE);
  refused(join(place, "index.html"), /is a file, and a set of pages is a folder/);
  const link = join(folder, "link");
  symlinkSync(place, link);
  refused(link, /is a link/);
  symlinkSync(join(place, "index.html"), join(place, "linked.html"));
  refused(place, /not part of a set of pages: linked\.html/);
  rm(join(place, "linked.html"));
  mkdirSync(join(place, "pages"));
  refused(place, /the new would be made from/, KIND, [join(link, "index.html")]);
  refused(place, /the new would be made from/, KIND, [place]);
  check(place, KIND, true, [join(folder, "elsewhere"), folder]);
  rm(join(place, "index.html"));
  refused(place, /is not a set of pages of this project/);
});

test("the next call ends a replacement that was killed between two renames", (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, "pages");
  const content = () => readFileSync(join(place, "index.html"), "utf8");
  const make = (text: string) => writeFile(join(makingPlace(place), "index.html"), text);
  make("old");
  putInPlace(place, makingPlace(place));
  make("new");
  putInPlace(place, makingPlace(place));
  assert.equal(content(), "new");
  assert.deepEqual(readdirSync(folder), ["pages"]);
  setAside(place);
  settleReplaced(place);
  assert.equal(content(), "new");
  setAside(place);
  writeFile(join(place, "index.html"), "half");
  settleReplaced(place, () => false);
  assert.equal(content(), "new");
  setAside(place);
  writeFile(join(place, "index.html"), "whole");
  settleReplaced(place);
  assert.equal(content(), "whole");
  assert.equal(existsSync(replacedPlace(place)), false);
});
