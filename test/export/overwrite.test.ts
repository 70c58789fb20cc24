// Tests that an export replaces only an earlier one of its format, once the new one is complete.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { exportRun, type Format } from "guie/dist/export/export_run";
import { findTower } from "guie/dist/model/towers";
import { writeFile } from "../folders";
import { configOf, randomModel, writeRun } from "./models";

/** The folder of the runs, like checkpoints/. */
const parent = mkdtempSync(join(tmpdir(), "guie-overwrite-"));
after(() => rmSync(parent, { recursive: true, force: true }));
let run = "";

before(async () => {
  const tower = findTower("tiny");
  const config = configOf(tower);
  run = await writeRun(parent, config, randomModel(tower, config));
});

/** Returns every file below a folder, with its content. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name), "latin1"),
    ]),
  );
}

for (const format of ["savedmodel", "onnx", "safetensors", "zip"] as const satisfies Format[]) {
  test(`${format}: an earlier export is replaced; a folder with anything else is kept, with and without --overwrite`, async () => {
    const folder = mkdtempSync(join(parent, "out-"));
    const out = join(folder, format === "zip" ? "model.zip" : "model");
    await exportRun({ run, format, out });
    const first = Object.keys(contents(folder));
    await assert.rejects(exportRun({ run, format, out }), /is there already: .*\n {2}Next: Give --overwrite/);
    await exportRun({ run, format, out, overwrite: true });
    assert.deepEqual(Object.keys(contents(folder)), first);
    assert.deepEqual(readdirSync(folder), [format === "zip" ? "model.zip" : "model"]);

    writeFile(join(folder, "mine/notes.txt"), "mine");
    if (format !== "zip") writeFile(join(out, "notes.txt"), "mine");
    const link = join(folder, "link");
    symlinkSync(join(folder, "mine"), link);
    const config = join(run, "config.json");
    for (const place of [folder, join(folder, "mine"), link, run, dirname(run), config, "/", "."]) {
      await refuse(format, place);
    }
    if (format !== "zip") await refuse(format, out);
  });

  async function refuse(format: Format, place: string): Promise<void> {
    const isSmall = place !== "/" && place !== ".";
    const before = isSmall ? contents(parent) : {};
    for (const overwrite of [false, true]) {
      await assert.rejects(
        exportRun({ run, format, out: place, overwrite }),
        ({ name, message }: Error) => name === "UserError" && !message.includes("--overwrite"),
        `${format} ${place}`,
      );
    }
    if (isSmall) assert.deepEqual(contents(parent), before, place);
  }
}

test("a failed export keeps the earlier one; a file of another kind is not replaced", async () => {
  const folder = mkdtempSync(join(parent, "failing-"));
  const out = join(folder, "model");
  await exportRun({ run, format: "onnx", out });
  const before = contents(folder);
  const broken = join(parent, "broken");
  mkdirSync(broken);
  writeFile(join(broken, "config.json"), readFileSync(join(run, "config.json")));
  writeFile(join(broken, "last.safetensors"), "nothing");
  await assert.rejects(exportRun({ run: broken, format: "onnx", out, overwrite: true }));
  assert.deepEqual(contents(folder), before);
  assert.deepEqual(readdirSync(folder), ["model"]);

  writeFile(join(folder, "theirs/model.onnx"), "\x08\x08\x12\x07pytorch");
  writeFile(join(folder, "theirs.zip"), "PK\x03\x04");
  for (const [format, name] of [
    ["onnx", "theirs"],
    ["zip", "theirs.zip"],
  ] as const) {
    const request = { run, format, out: join(folder, name), overwrite: true };
    await assert.rejects(exportRun(request), /is not .* of this project/);
  }
});

test("guie export --overwrite keeps a folder with a person's files, and says why", () => {
  const mine = mkdtempSync(join(parent, "mine-"));
  writeFile(join(mine, "notes.txt"), "mine");
  const args = ["export", run, "--format", "zip", "--out", mine, "--overwrite"];
  const { status, stderr } = spawnSync(process.execPath, [installPath("lib/bin/guie.js"), ...args], {
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /is a folder, and a ZIP of an exported SavedModel is a file/);
  assert.ok(existsSync(join(mine, "notes.txt")));
});
