// exclude.csv and relabel.csv: through a merge, and bad rows.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { temporaryFolder, writeFile } from "../folders";
import { named, readRows, writeDataset } from "./make";

/** Makes a data directory of two data sets, whose images have the names that Data_preprocessing gives. */
function makeShop(t: TestContext): string {
  const dataDir = temporaryFolder(t);
  const image = (set: string, name: string) => `final_data_224/${set}/images/${name}`;
  writeDataset(dataDir, "shop", [
    [image("shop", "apple+1.jpg"), 3],
    [image("shop", "apple+2.jpg"), 3],
    [image("shop", "pear+1.png~.jpg"), 5],
    [image("shop", "3fa9c0ffee12~-pear+2.jpg"), 5],
  ]);
  writeFile(join(dataDir, "csv/shop_classes.csv"), "labels,class_name\n3,apple\n5,Birne groß\n");
  writeDataset(dataDir, "other", [
    [image("other", "apple+1.jpg"), 0],
    [image("other", "cup+1.jpg"), 1],
  ]);
  return dataDir;
}

const merge = (dataDir: string) =>
  mergeTables({ dataDir, datasets: [named("shop"), named("other")], minPerClass: 1 });

const rowsOf = (dataDir: string) =>
  readRows(dataDir, "final_data_224.csv").map(
    (row) => `${row.new_image_files.replace("final_data_224/", "").replace("images/", "")} ${row.new_labels}`,
  );

test("a merge leaves out and relabels the images of both files, however they are named, and counts them", async (t) => {
  const dataDir = makeShop(t);
  writeFile(
    join(dataDir, "exclude.csv"),
    "image_files,reason\npear/1.png,blurred\nfinal_data_224/other/images/apple+1.jpg,\nnowhere.jpg,lost\npear/1.png,again\n",
  );
  writeFile(
    join(dataDir, "relabel.csv"),
    "image_files,class_name\nraw/shop/apple/2.jpg,Birne gro\u00df\npear/2.jpg,Birne groß\npear/1.png,apple\n",
  );
  const [merged] = await merge(dataDir);
  assert.deepEqual(rowsOf(dataDir), [
    "shop/apple+1.jpg 0",
    "shop/apple+2.jpg 1",
    "shop/3fa9c0ffee12~-pear+2.jpg 1",
    "other/cup+1.jpg 2",
  ]);
  assert.deepEqual(merged!.corrections, {
    excluded: 2,
    relabelled: 1,
    unchanged: 2,
    unmatched: [`${join(dataDir, "exclude.csv")}, row 3: nowhere.jpg`],
  });
});

test("a new number makes a new class", async (t) => {
  const dataDir = makeShop(t);
  writeFile(join(dataDir, "relabel.csv"), "image_files,labels\npear/2.jpg,77\n");
  await merge(dataDir);
  assert.deepEqual(rowsOf(dataDir)[3], "shop/3fa9c0ffee12~-pear+2.jpg 2");
  const classes = readRows(dataDir, "final_data_224_classes.csv") as unknown as { class_name: string }[];
  assert.deepEqual(
    classes.map(({ class_name }) => class_name),
    ["apple", "Birne groß", "77", "0", "1"],
  );
});

test("bad rows are refused with their place, and the tables stay as they were", async (t) => {
  const dataDir = makeShop(t);
  await merge(dataDir);
  const before = rowsOf(dataDir);
  const cases: [file: string, text: string, message: RegExp][] = [
    ["exclude.csv", "file\na.jpg\n", /exclude\.csv lacks the column "image_files"/],
    ["exclude.csv", "image_files\napple/1.jpg\n", /row 1: "apple\/1\.jpg" is an image of shop and of other/],
    ["relabel.csv", "image_files\na.jpg\n", /relabel\.csv lacks the column "labels"/],
    [
      "relabel.csv",
      "image_files,labels\npear/2.jpg,x\n",
      /row 1: the column "labels" must be a whole number/,
    ],
    ["relabel.csv", "image_files,class_name\npear/2.jpg,\n", /row 1: the column "class_name" is empty/],
    [
      "relabel.csv",
      "image_files,class_name\npear/2.jpg,aple\n",
      /shop has no class "aple"[\s\S]*Did you mean "apple"/,
    ],
    ["relabel.csv", "image_files,labels\npear/2.jpg,3\npear/2.jpg,5\n", /label 3 in row 1 and 5 in row 2/],
    [
      "exclude.csv",
      `image_files\n${before.map((row) => `final_data_224/${row.split(" ")[0]!.replace("/", "/images/")}`).join("\n")}\n`,
      /takes out all 6 images/,
    ],
  ];
  for (const [file, text, message] of cases) {
    const other = file === "exclude.csv" ? "relabel.csv" : "exclude.csv";
    writeFile(join(dataDir, file), text);
    writeFile(
      join(dataDir, other),
      other === "exclude.csv" ? "image_files\nx.jpg\n" : "image_files,labels\nx.jpg,1\n",
    );
    await assert.rejects(merge(dataDir), message);
    assert.deepEqual(rowsOf(dataDir), before);
  }
});
