// Tests guie evaluate --confusion.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { confusionFigure } from "guie/dist/notebook/views/retrieval_views";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";

/** Brightness of the left and the right half of each class's images. */
const CLASSES = { a: [250, 10], b: [10, 250], c: [250, 60] } as const;

/** Makes queries of a, b and c; c's index image looks like b, so that c's nearest is a's, of another data set. */
async function retrievalSet(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  const draw = async (name: string, [left, right]: readonly [number, number]) => {
    const pixels = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) =>
      Math.floor(i / 3) % 32 < 16 ? left : right,
    );
    const png = await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toBuffer();
    writeFile(join(folder, "images", `${name}.png`), png);
  };
  for (const [name, halves] of Object.entries(CLASSES)) await draw(`query_${name}`, halves);
  for (const [name, halves] of Object.entries({ ...CLASSES, c: CLASSES.b }))
    await draw(`index_${name}`, halves);
  const rows = (set: string) => ["a", "b", "c"].map((name, label) => `images/${set}_${name}.png,${label}`);
  for (const [file, set] of [
    ["queries", "query"],
    ["index", "index"],
  ] as const)
    writeFile(join(folder, "retrieval", `${file}.csv`), `image_files,labels\n${rows(set).join("\n")}\n`);
  return folder;
}

const evaluate = (...args: string[]) =>
  spawnSync(process.execPath, [installPath("lib/bin/guie.js"), "evaluate", ...args], { encoding: "utf8" });

test("guie evaluate --confusion shows the data sets of wrong nearest neighbours", async (t) => {
  const folder = await retrievalSet(t);
  const without = evaluate("pixels", "--confusion", "--data-dir", folder);
  assert.equal(without.status, 1);
  assert.match(without.stderr, /not divided into data sets[\s\S]*labels,class_name,group/);
  writeFile(join(folder, "retrieval", "classes.csv"), "labels,class_name,group\n0,a,one\n1,b,one\n2,c,two\n");
  const { status, stdout, stderr } = evaluate("pixels", "--confusion", "--data-dir", folder);
  assert.equal(status, 0, stderr);
  const lines = stdout.split("\n").map((line) => line.trim().split(/\s{2,}/));
  assert.deepEqual(lines[0], ["pixels"]);
  assert.deepEqual(
    lines.filter(([first]) => ["queries", "one", "two"].includes(first!)),
    [
      ["queries", "count", "wrong", "one", "two"],
      ["one", "2", "0", "0", "0"],
      ["two", "1", "1", "1", "0"],
    ],
  );
  const json = JSON.parse(evaluate("pixels", "--confusion", "--json", "--data-dir", folder).stdout);
  assert.deepEqual(json.confusions.pixels[1], {
    dataset: "two",
    queries: 1,
    wrong: 1,
    shares: { one: 1, two: 0 },
  });
  const both = evaluate("pixels", "--confusion", "--compare", "--data-dir", folder);
  assert.equal(both.status, 1);
  assert.match(both.stderr, /two tables/);
  assert.match(evaluate("--confusion").stderr, /needs a model/);
});

test("the heat map shows shares of all queries, their counts as labels, and escaped names", () => {
  const rows = [
    { dataset: "<b>one</b>", queries: 8, wrong: 4, shares: { "<b>one</b>": 0.25, two: 0.75 } },
    { dataset: "two", queries: 2, wrong: 0, shares: { "<b>one</b>": 0, two: 0 } },
  ];
  const [heat] = confusionFigure(rows).data;
  assert.deepEqual(heat!.z, [
    [1 / 8, 3 / 8],
    [0, 0],
  ]);
  assert.deepEqual(heat!.text, [
    ["1", "3"],
    ["", ""],
  ]);
  assert.deepEqual(heat!.x, ["&lt;b&gt;one&lt;/b&gt;", "two"]);
});
