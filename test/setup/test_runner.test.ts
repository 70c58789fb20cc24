// The last lines of npm test: skipped tests with their reasons, and changed files of a person.
import assert from "node:assert/strict";
import { rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { temporaryFolder, writeFile } from "../folders";

const load = (name: string) => import(pathToFileURL(installPath("scripts/test", name)).href);

test("created, changed and deleted files are named", async (t) => {
  const { changesSince, listFiles } = await load("files.mjs");
  const folder = temporaryFolder(t);
  for (const name of ["stays", "changed", "deleted"]) writeFile(join(folder, "a", name), name);
  const list = () => listFiles([join(folder, "a"), join(folder, "none")]);
  const before = list();
  assert.deepEqual(changesSince(before, list()), []);
  utimesSync(join(folder, "a/changed"), 1, 1);
  rmSync(join(folder, "a/deleted"));
  writeFile(join(folder, "a/b/made"), "");
  const changes: string[] = changesSince(before, list());
  for (const change of ["made a/b/made", "changed a/changed", "deleted a/deleted"]) {
    const [verb, file] = change.split(" ");
    assert.ok(changes.includes(`${verb} ${join(folder, file!)}`), changes.join());
  }
  assert.ok(!changes.some((change) => change.includes("stays")));
});

test("skipped tests are listed in one line", async () => {
  const { default: reporter, skippedLine } = await load("skips.mjs");
  const events = [
    { type: "test:pass", data: { name: "runs" } },
    { type: "test:pass", data: { name: "of a browser", skip: "needs Chromium" } },
    { type: "test:pass", data: { name: "later", skip: true } },
    { type: "test:diagnostic", data: { message: "tests 3" } },
  ];
  const lines = await Readable.from(reporter(Readable.from(events))).toArray();
  assert.equal(skippedLine(lines.join("")), "2 skipped: of a browser (needs Chromium); later");
  assert.equal(skippedLine(""), "0 skipped");
});

test("the slowest files are listed in one line; a test below another counts once", async () => {
  const { default: reporter, slowestLine } = await load("slowest.mjs");
  const event = (file: string, ms: number, nesting = 0, type = "test:pass") => ({
    type,
    data: { nesting, file: `/clone/build/test/${file}.test.js`, details: { duration_ms: ms } },
  });
  const events = [
    event("training/run", 1400),
    event("training/run", 900, 1),
    event("tables/merge", 3000, 0, "test:fail"),
    event("training/run", 2600),
    { type: "test:diagnostic", data: { nesting: 0, message: "tests 3" } },
  ];
  const lines = await Readable.from(reporter(Readable.from(events))).toArray();
  assert.equal(slowestLine(lines.join("")), "slowest files: training/run 4 s, tables/merge 3 s; all 7 s");
});
