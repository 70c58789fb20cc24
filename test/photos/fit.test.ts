// From photos to models and an answer: both layouts, both stages, a second call, names that are taken.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fitText } from "guie/dist/cli/train/fit_text";
import { projectPath } from "guie/dist/common/project";
import { fineTune } from "guie/dist/photos/fine_tune";
import { type FitReport, fit } from "guie/dist/photos/fit";
import { holdOut } from "guie/dist/photos/images";
import { readImages } from "guie/dist/photos/read_images";
import { temporaryFolder, writeFile } from "../folders";
import { drawClasses } from "./draw";

const NAMES = ["rot äpfel", "007", "blue", "kiwi", "lime", "plum"];
const quiet = { onProgress: () => {} };

/** The parts of a report that do not depend on the data directory's name. */
function ladderOf({ rungs, crossValidated, classes, images, heldOut }: FitReport, name: string) {
  const plain = (rows: FitReport["rungs"]) =>
    rows.map(({ model, against, scores }) => [
      model.replace(name, "*"),
      against?.replace(name, "*"),
      scores.mp5.mean,
      scores.r1.mean,
    ]);
  return { classes, images, heldOut, rungs: plain(rungs), crossValidated: plain(crossValidated) };
}

/** A table without what the layouts name differently: the data set, and the photos behind their hash. */
const withoutNames = (table: string) =>
  table
    .replaceAll(/final_data_224\/\w+\/images\/([0-9a-f]{12}~-)[^,]*/g, "$1")
    .replaceAll(/(shop|flat)$/gm, "");

test("class folders and a table give the same ladder; a second call trains nothing; a rung beyond the minutes is left out", async (t) => {
  const folder = join(temporaryFolder(t), "shop");
  await drawClasses(folder, NAMES, 8);
  const flat = join(temporaryFolder(t), "flat");
  mkdirSync(flat);
  const rows = NAMES.flatMap((name) => Array.from({ length: 8 }, (_, n) => [name, n] as const));
  const flatName = (i: number) => `${String((29 * i) % 48).padStart(3, "0")}.png`; // in an order of its own
  for (const [i, [name, n]] of rows.entries())
    copyFileSync(join(folder, name, `${n}.png`), join(flat, flatName(i)));
  const lines = rows.map(([name], i) => `${flatName(i)},${name}`);
  writeFile(join(flat, "labels.csv"), `picture,kind\n${lines.join("\n")}\n`);

  const said: string[] = [];
  const settings = { preset: "tiny", seed: 7, ...quiet };
  const byFolder = await fit(folder, { ...settings, name: "shop", say: (line) => said.push(line) });
  assert.match(said[0]!, /^class folders, 6 classes, 48 images/);
  const models = byFolder.rungs.map(({ model }) => model);
  assert.deepEqual(models, [
    "pixels",
    "backbone",
    "shop_whitened",
    "shop_lda",
    "shop_frozen",
    "shop_fine_tune",
  ]);
  assert.deepEqual([byFolder.images, byFolder.classes, byFolder.heldOut, byFolder.leftOut], [48, 6, 2, []]);
  assert.deepEqual(
    byFolder.crossValidated.map(({ classes }) => classes),
    [6, 6, 6, 6, 6],
  );
  assert.ok(models.includes(byFolder.advice.model));

  const byTable = await fit(join(flat, "labels.csv"), { ...settings, name: "flat", classColumn: "kind" });
  assert.deepEqual(ladderOf(byTable, "flat"), ladderOf(byFolder, "shop"));
  for (const file of ["queries", "index", "classes"]) {
    const [table, tree] = ["flat", "shop"].map((name) =>
      withoutNames(readFileSync(projectPath(`data/${name}/retrieval/${file}.csv`), "utf8")),
    );
    assert.equal(table, tree, file);
  }

  const log = projectPath("checkpoints/shop_fine_tune/metrics.jsonl");
  const before = readFileSync(log, "utf8");
  const again = await fit(folder, { ...settings, name: "shop" });
  assert.deepEqual(ladderOf(again, "shop"), ladderOf(byFolder, "shop"));
  assert.equal(readFileSync(log, "utf8"), before);

  writeFile(join(folder, "kiwi", "broken.jpg"), "no photo");
  writeFile(join(folder, "film.mov"), "film");
  said.length = 0;
  const say = (line: string) => said.push(line);
  const hasty = await fit(folder, { ...settings, name: "hasty", minutes: 0.0001, say });
  assert.deepEqual(
    hasty.leftOut.map(({ model, what }) => `${model}: ${what}`),
    [
      "hasty_frozen: model",
      "backbone: cross-validation",
      "hasty_whitened: cross-validation",
      "hasty_lda: cross-validation",
      "hasty_fine_tune: model",
    ],
  );
  assert.match(hasty.leftOut[0]!.reason, /^it takes about .*, 0 s are left$/);
  assert.equal(hasty.leftOut[4]!.reason, "it starts from hasty_frozen");
  assert.deepEqual(hasty.crossValidated, []);
  const told = said.join("\n");
  assert.match(told, /2 files are left out: film\.mov \(a film\), kiwi\/broken\.jpg \(.+\)/);
  assert.match(told, /hasty_fine_tune is left out: it starts from hasty_frozen/);
  assert.doesNotMatch(told, /training hasty/, "what is left out is not announced");
  const text = fitText(folder, byFolder);
  const prose = text.split("\n").filter((line) => !line.includes("npx guie "));
  assert.ok(Math.max(...prose.map((line) => line.length)) <= 100, text);
  assert.match(text, /^Scores by 48 photos of 6 classes; each class is searched by models that have not/);
  assert.match(text, /Scores by only 2 photos of 2 classes that were held out/);

  await assert.rejects(fit(flat, { ...settings, name: "shop" }), /shop is the name of other photos/);
});

test("fineTune learns the given images alone, and refuses a name of other images", async (t) => {
  const folder = join(temporaryFolder(t), "photos");
  await drawClasses(folder, NAMES, 8);
  const { train, heldOut } = holdOut(await readImages(folder), { seed: 1 });
  const model = await fineTune("tiny", { data: train, name: "verbs", stage: "frozen", ...quiet });
  t.after(() => model.dispose());
  assert.deepEqual([model.name, model.isBackbone, model.dim], ["verbs_frozen", false, 8]);
  const learned = readFileSync(projectPath("data/verbs/photos.csv"), "utf8");
  assert.equal(learned.trim().split("\n").length, 1 + train.count);
  for (const name of heldOut.classNames) assert.ok(!learned.includes(`,${name}\n`), name);
  const other = join(temporaryFolder(t), "photos");
  await drawClasses(other, NAMES, 3);
  const data = await readImages(other);
  await assert.rejects(
    fineTune("tiny", { data, name: "verbs", ...quiet }),
    /data\/verbs belongs to other images/,
  );
  const flat = data.pick([0]);
  const unlabelled = Object.assign(Object.create(Object.getPrototypeOf(flat)), {
    ...flat,
    classes: undefined,
  });
  await assert.rejects(fineTune("tiny", { data: unlabelled, name: "other", ...quiet }), /has no class/);
});
