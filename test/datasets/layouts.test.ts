// The layouts of all 14 data sets, in miniature.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { DATA_SETS } from "guie/dist/datasets/catalogue";
import { getData } from "guie/dist/datasets/get_data";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { readLines, temporaryDataDir, writeFiles } from "./miniature";

interface Miniature {
  /** Images, relative to the raw folder. */
  images: string[];
  /** Other files. */
  texts?: Record<string, string | Buffer>;
  /** The CSV's lines without the header, without `raw/<folder>/`. */
  rows: string[];
  classNames: string[];
}

const COCO = {
  categories: [
    { id: 7, name: "bread" },
    { id: 9, name: "milk" },
  ],
  images: [
    { id: 1, file_name: "b.jpg" },
    { id: 2, file_name: "a.jpg" },
    { id: 3, file_name: "c.jpg" },
    { id: 4, file_name: "b.jpg" }, // a second row for one image
  ],
  // Image 2 also shows bread: its first category counts. Image 3 has none.
  annotations: [
    { image_id: 2, category_id: 9, segmentation: [[1.5, 2, 3]], bbox: [0, 0, 8, 8], iscrowd: 0 },
    { image_id: 1, category_id: 7 },
    { image_id: 2, category_id: 7 },
  ],
};

/** Every layout of PIPELINE's table in miniature, with the expected CSV. */
const MINIATURES: Record<string, Miniature> = {
  rp2k: {
    images: ["train/cola/1.jpg", "train/beer/2.JPG", "test/cola/1.jpg", "test/tea/1.png"],
    rows: ["train/beer/2.JPG,0", "train/cola/1.jpg,1", "test/cola/1.jpg,1", "test/tea/1.png,2"],
    classNames: ["beer", "cola", "tea"],
  },
  Landmark2021: {
    images: ["train/a/b/c/abc1.jpg", "train/0/1/2/0123.jpg", "train/f/f/f/fff0.jpg"],
    texts: { "train.csv": "id,landmark_id\nfff0,203092\nabc1,7\n0123,203092\n" },
    rows: ["train/f/f/f/fff0.jpg,0", "train/a/b/c/abc1.jpg,1", "train/0/1/2/0123.jpg,0"],
    classNames: ["203092", "7"],
  },
  JD_Products_10K: {
    images: ["train/1.jpg", "train/2.jpg"],
    texts: { "train.csv": "name,class,group\n2.jpg,5,0\n1.jpg,4,0\n" },
    rows: ["train/2.jpg,0", "train/1.jpg,1"],
    classNames: ["5", "4"],
  },
  Shopee: {
    images: ["train_images/x.jpg", "train_images/y.jpg"],
    texts: {
      "train.csv":
        "posting_id,image,image_phash,title,label_group\n" +
        'train_1,x.jpg,94,"Paper Bag, Victoria",249\n' +
        "train_2,y.jpg,af,Double Tape,293\n" +
        "train_3,x.jpg,94,Paper Bag again,249\n",
    },
    rows: ["train_images/x.jpg,0", "train_images/y.jpg,1"],
    classNames: ["Paper Bag, Victoria", "Double Tape"],
  },
  Art_MET: {
    images: ["MET/9/0.jpg", "MET/10/0.jpg", "MET/10/1.jpg"],
    rows: ["MET/10/0.jpg,0", "MET/10/1.jpg,0", "MET/9/0.jpg,1"],
    classNames: ["10", "9"],
  },
  Aliproducts: {
    images: [...Array.from({ length: 9 }, (_, i) => `train${i + 1}/sku${i % 2}/a.jpg`), "val/sku1/a.jpg"],
    rows: [
      ...Array.from({ length: 9 }, (_, i) => `train${i + 1}/sku${i % 2}/a.jpg,${i % 2}`),
      "val/sku1/a.jpg,1",
    ],
    classNames: ["sku0", "sku1"],
  },
  Fruit: {
    // A kind with varieties and one without; the original read one level too high and took varieties for files.
    images: [
      "train/Fruit/Apple/Golden-Delicious/1.jpg",
      "train/Fruit/Apple/Granny-Smith/1.jpg",
      "train/Fruit/Avocado/1.jpg",
      "val/Packages/Milk/Arla/1.jpg",
      "test/Fruit/Apple/Granny-Smith/2.jpg",
      "iconic-images-and-descriptions/Fruit/Avocado/Avocado_Iconic.jpg",
    ],
    texts: { "train.txt": "", "classes.csv": "" },
    rows: [
      "train/Fruit/Apple/Golden-Delicious/1.jpg,0",
      "train/Fruit/Apple/Granny-Smith/1.jpg,1",
      "train/Fruit/Avocado/1.jpg,2",
      "val/Packages/Milk/Arla/1.jpg,3",
      "test/Fruit/Apple/Granny-Smith/2.jpg,1",
    ],
    classNames: ["Golden-Delicious", "Granny-Smith", "Avocado", "Arla"],
  },
  Stanford_Cars: {
    // Classes 1 1 3 2 of three: numbered from 1 there, from 0 in order of appearance here.
    images: ["car_ims/000001.jpg", "car_ims/000002.jpg", "car_ims/000003.jpg", "car_ims/000004.jpg"],
    texts: { "cars_annos.mat": readFileSync(installPath("test/golden/matlab/cars_compressed.mat")) },
    rows: ["car_ims/000001.jpg,0", "car_ims/000002.jpg,0", "car_ims/000003.jpg,1", "car_ims/000004.jpg,2"],
    classNames: ["AM General Hummer SUV 2000", "Citroën C3 \u2116 4 \u{1f697}", "Acura RL Sedan 2012"],
  },
  DeepFashion_CTS: {
    // The original took 12 and 00012, or train's 12 and test's, for two products.
    images: [
      "deepfashion/train/Blouse/id_00012/a.jpg",
      "deepfashion/train/Coat/id_00007/shop.jpg",
      "deepfashion/val/Blouse/id_00012/b.jpg",
      "deepfashion/test/Blouse/id_12/street/c.jpg",
    ],
    rows: [
      "deepfashion/test/Blouse/id_12/street/c.jpg,0",
      "deepfashion/train/Blouse/id_00012/a.jpg,0",
      "deepfashion/train/Coat/id_00007/shop.jpg,1",
      "deepfashion/val/Blouse/id_00012/b.jpg,0",
    ],
    classNames: ["12", "7"],
  },
  food_first: {
    images: ["images/a.jpg", "images/b.jpg", "images/c.jpg"],
    texts: { "annotations.json": JSON.stringify(COCO) },
    rows: ["images/b.jpg,0", "images/a.jpg,1"],
    classNames: ["bread", "milk"],
  },
  DeepFashion2: {
    images: ["train/1/shirt/anchor/1.jpg", "train/2/shirt/positive/1.jpg", "validation/1/skirt/anchor/1.jpg"],
    rows: [
      "train/1/shirt/anchor/1.jpg,0",
      "train/2/shirt/positive/1.jpg,0",
      "validation/1/skirt/anchor/1.jpg,1",
    ],
    classNames: ["shirt", "skirt"],
  },
  Fashion_200K: {
    images: ["women/dresses/casual/51727804/51727804_0.jpeg", "women/tops/blouses/8/8_0.jpeg"],
    rows: ["women/dresses/casual/51727804/51727804_0.jpeg,0", "women/tops/blouses/8/8_0.jpeg,1"],
    classNames: ["51727804", "8"],
  },
  Stanford_Products: {
    images: ["bicycle_final/111_0.JPG", "bicycle_final/111_1.JPG", "sofa_final/222_0.JPG"],
    texts: { "Ebay_train.txt": "" },
    rows: ["bicycle_final/111_0.JPG,0", "bicycle_final/111_1.JPG,0", "sofa_final/222_0.JPG,1"],
    classNames: ["111", "222"],
  },
  Food2021: {
    images: ["b/1.jpg", "a/1.jpg", "B/1.jpg"],
    rows: ["B/1.jpg,0", "a/1.jpg,1", "b/1.jpg,2"],
    classNames: ["B", "a", "b"],
  },
};

for (const { name, folder } of DATA_SETS) {
  test(`Get_Data reads ${name} in miniature`, async (t) => {
    const dataDir = temporaryDataDir(t);
    const { images, texts = {}, rows, classNames } = MINIATURES[name]!;
    writeFiles(join(dataDir, "raw", folder), images);
    writeFiles(join(dataDir, "raw", folder), texts);
    const result = await getData(dataDir, name);
    assert.deepEqual(readLines(result.csv), [
      "image_files,labels",
      ...rows.map((row) => `raw/${folder}/${row}`),
    ]);
    const quoted = classNames.map((text, label) => `${label},${text.includes(",") ? `"${text}"` : text}`);
    assert.deepEqual(readLines(result.classesCsv), ["labels,class_name", ...quoted]);
    assert.deepEqual([result.rows, result.classes], [rows.length, classNames.length]);
  });
}

test("all 14 pass Data_preprocessing: one file per row, although names repeat between folders", async (t) => {
  const dataDir = temporaryDataDir(t);
  for (const set of DATA_SETS) {
    const { images, texts = {}, rows } = MINIATURES[set.name]!;
    writeFiles(join(dataDir, "raw", set.folder), images);
    writeFiles(join(dataDir, "raw", set.folder), texts);
    await getData(dataDir, set.name);
    const { rowsOut, rejected } = await preprocessDataset({ dataDir, dataset: { ...set, smallestClass: 1 } });
    assert.deepEqual([rowsOut, rejected], [rows.length, 0], set.name);
    const folder = join(dataDir, "final_data_224", set.folder, "images");
    assert.equal(readdirSync(folder).filter((name) => name.endsWith(".jpg")).length, rows.length, set.name);
  }
});

test("the catalogue has the 14 data sets in merge order; five keep classes of 3 images", () => {
  assert.deepEqual(
    DATA_SETS.map(({ number, folder, smallestClass }) => `${number} ${folder} ${smallestClass}`),
    [
      "1 rp2k 5",
      "2 Landmark2021 5",
      "3 JD_Products_10K 5",
      "4 Shopee 3",
      "5 Art_MET 3",
      "6 Aliproducts 5",
      "7 Fruit 5",
      "8 Stanford_Cars 5",
      "9 DeepFashion_CTS 3",
      "10 Food2022 5",
      "11 DeepFashion2 3",
      "12 Fashion_200K 3",
      "13 Stanford_Products 5",
      "14 Food2021 5",
    ],
  );
});
