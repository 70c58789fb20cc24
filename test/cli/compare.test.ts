// Tests `guie compare` over several data directories.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import type { ComparisonRow } from "guie/dist/retrieval/evaluation";
import { guie } from "../in_process";
import { makeTinyData } from "../training/tiny_data";

test("models x data directories equal one directory after the other; words may follow one directory", async (t) => {
  const dirs = [await makeTinyData(), await makeTinyData()] as const;
  t.after(() => {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });
  const compare = async (...args: string[]) => {
    const { status, stdout, stderr } = await guie("compare", ...args, "--config-name", "tiny", "--json");
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  };
  const both = await compare("pixels", "backbone", "--data-dir", ...dirs);
  const [one, other] = [
    await compare("pixels", "backbone", "--data-dir", dirs[0]),
    await compare("--data-dir", dirs[1], "pixels", "backbone"),
  ];
  assert.deepEqual(both.rows, [...one.rows, ...other.rows]);
  assert.deepEqual(
    both.rows.map(({ dataDir, model }: { dataDir: string; model: string }) => [dataDir, model]),
    dirs.flatMap((dir) => [
      [dir, "pixels"],
      [dir, "backbone"],
    ]),
  );
  assert.deepEqual(both.losses, [...one.losses, ...other.losses]);
  const lost = both.rows.filter(
    ({ scores }: ComparisonRow) => scores.mp5.difference && scores.mp5.difference.high < 0,
  );
  assert.equal(both.losses.length, lost.length);
  const text = await guie("compare", "pixels", "backbone", "--config-name", "tiny", "--data-dir", ...dirs);
  assert.match(
    text.stdout,
    new RegExp(`^model +mP@5 ${dirs[0]} +${dirs[0]} against pixels +mP@5 ${dirs[1]}`),
  );
});

test("no models, a directory without held-out classes, data sets over several directories: refused at once", async (t) => {
  const dir = await makeTinyData();
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const refused: [string[], RegExp][] = [
    [[], /No models to compare are given/],
    [["pixels", "--data-dir", dir, "nowhere"], /retrieval\/queries\.csv .*nowhere/],
    [["pixels", "--by-dataset", "--data-dir", dir, `${dir}/.`], /--by-dataset: of no use with several/],
  ];
  for (const [args, message] of refused) {
    const { status, stderr } = await guie("compare", ...args, "--config-name", "tiny");
    assert.equal(status, 1);
    assert.match(stderr, message);
  }
});
