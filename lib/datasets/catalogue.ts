// The catalogue: a row for each of the 14 data sets and the demo; the list with a person's own.
import { nearestName, UserError } from "../common/errors";
import type { CatalogueRow, DataSet } from "./data_set";
import type { Download } from "./download";
import { ownDataSets } from "./own_sets";
import { coco } from "./readers/coco";
import { type CsvTableLayout, csvTable } from "./readers/csv_table";
import { imageTree } from "./readers/image_tree";
import { matlabStructs } from "./readers/matlab_structs";
import type { Reader } from "./readers/reader";

export type { DataSet } from "./data_set";

type DataSetRow = Omit<DataSet, "number" | "read"> & { read: (row: DataSetRow) => Reader };

const RULES = "the rules of the competition: see the source page";
const SOURCE_PAGE = "see the source page";

const competition = (slug: string): Download => ({ how: "kaggle competition", slug });
const kaggleDataSet = (slug: string): Download => ({ how: "kaggle data set", slug });
const byHand = (note: string): Download => ({ how: "by hand", note });

const tree =
  (pattern: RegExp, classKey?: (text: string) => string) =>
  ({ layout, parts }: DataSetRow) =>
    imageTree({ pattern, tops: parts.length > 0 ? parts : [""], layout, classKey });

const trainCsv =
  (columns: Pick<CsvTableLayout, "imageColumn" | "classColumn" | "imageFile" | "nameColumn">) =>
  ({ layout }: DataSetRow) =>
    csvTable({ ...columns, file: "train.csv", next: unpackAs(layout) });

const unpackAs = (layout: string) => `Unpack the data set as ${layout}.`;

// The splits of DeepFashion write one product's number now with and now without leading zeros.
const productNumber = (text: string) => text.replace(/^0+(?=\d)/, "");

/** The rows in merge order. */
const ROWS: DataSetRow[] = [
  {
    name: "rp2k",
    title: "RP2K",
    folder: "rp2k",
    smallestClass: 5,
    layout: "{train,test}/<class>/<image>",
    parts: ["train", "test"],
    read: tree(/^(?:train|test)\/([^/]+)\/[^/]+$/),
    licence: SOURCE_PAGE,
    source: "https://www.pinlandata.com/rp2k_dataset/",
    download: byHand("The page says how."),
  },
  {
    name: "Landmark2021",
    title: "Google Landmarks v2 (clean), 2021",
    folder: "Landmark2021",
    smallestClass: 5,
    layout: "train.csv (id,landmark_id) and train/<id[0]>/<id[1]>/<id[2]>/<id>.jpg",
    parts: ["train.csv", "train"],
    read: trainCsv({
      imageColumn: "id",
      imageFile: (id) => `train/${id[0]}/${id[1]}/${id[2]}/${id}.jpg`,
      classColumn: "landmark_id",
    }),
    licence: "annotations CC BY 4.0 (Google); each photo under its own licence",
    source: "https://www.kaggle.com/competitions/landmark-retrieval-2021",
    download: competition("landmark-retrieval-2021"),
  },
  {
    name: "JD_Products_10K",
    title: "JD Products-10K",
    folder: "JD_Products_10K",
    smallestClass: 5,
    layout: "train.csv (name,class,group) and train/<name>",
    parts: ["train.csv", "train"],
    read: trainCsv({ imageColumn: "name", imageFile: (name) => `train/${name}`, classColumn: "class" }),
    licence: RULES,
    source: "https://www.kaggle.com/c/products-10k",
    download: competition("products-10k"),
  },
  {
    name: "Shopee",
    title: "Shopee",
    folder: "Shopee",
    smallestClass: 3,
    layout: "train.csv (posting_id,image,image_phash,title,label_group) and train_images/<image>",
    parts: ["train.csv", "train_images"],
    read: trainCsv({
      imageColumn: "image",
      imageFile: (image) => `train_images/${image}`,
      classColumn: "label_group",
      nameColumn: "title",
    }),
    licence: RULES,
    source: "https://www.kaggle.com/competitions/shopee-product-matching",
    download: competition("shopee-product-matching"),
  },
  {
    name: "Art_MET",
    title: "The MET",
    folder: "Art_MET",
    smallestClass: 3,
    layout: "MET/<class>/<image>",
    parts: ["MET"],
    read: tree(/^MET\/([^/]+)\/[^/]+$/),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/dschettler8845/the-met-dataset",
    download: kaggleDataSet("dschettler8845/the-met-dataset"),
  },
  {
    name: "Aliproducts",
    title: "AliProducts",
    folder: "Aliproducts",
    smallestClass: 5,
    layout: "{train1..train9,val}/<class>/<image>",
    parts: [...Array.from({ length: 9 }, (_, i) => `train${i + 1}`), "val"],
    read: tree(/^(?:train[1-9]|val)\/([^/]+)\/[^/]+$/),
    licence: RULES,
    source: "https://tianchi.aliyun.com/competition/entrance/231780/introduction",
    download: byHand("Needs a Tianchi account and agreement to the competition's rules."),
  },
  {
    // iconic-images-and-descriptions, next to the three splits, is left out: catalogue drawings, not photos.
    name: "Fruit",
    title: "Grocery Store",
    folder: "Fruit",
    smallestClass: 5,
    layout: "{train,val,test}/{Fruit,Packages,Vegetables}/<kind>[/<variety>]/<image>",
    parts: ["train", "val", "test"],
    unwrap: "GroceryStoreDataset-master/dataset",
    read: tree(/^(?:train|val|test)\/(?:Fruit|Packages|Vegetables)\/(?:[^/]+\/)?([^/]+)\/[^/]+$/),
    licence: "MIT",
    source: "https://github.com/marcusklasson/GroceryStoreDataset",
    download: { how: "git", url: "https://github.com/marcusklasson/GroceryStoreDataset", folder: "dataset" },
  },
  {
    name: "Stanford_Cars",
    title: "Stanford Cars",
    folder: "Stanford_Cars",
    smallestClass: 5,
    layout: "cars_annos.mat (annotations.relative_im_path and .class, class_names) and <relative_im_path>",
    parts: ["cars_annos.mat", "car_ims"],
    read: ({ layout }) =>
      matlabStructs({
        file: "cars_annos.mat",
        annotations: "annotations",
        pathField: "relative_im_path",
        classField: "class",
        classNames: "class_names",
        next: unpackAs(layout),
      }),
    licence: SOURCE_PAGE,
    source: "https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
    download: byHand(
      "Get car_ims.tgz and cars_annos.mat. The page's links have answered 404 since 2023; the mirrors " +
        "with cars_train and cars_test in place of car_ims name their images differently.",
    ),
    size: "1.8 GiB",
  },
  {
    name: "DeepFashion_CTS",
    title: "DeepFashion, consumer to shop",
    folder: "DeepFashion_CTS",
    smallestClass: 3,
    parts: [],
    layout: "[deepfashion/]<split>/<category>/<x>_<id>/[<sub>/]<image>",
    read: tree(/^(?:deepfashion\/)?[^/]+\/[^/]+\/[^/]*_([^/_]+)\/(?:[^/]+\/)?[^/]+$/, productNumber),
    licence: "DeepFashion: non-commercial research and education; see the source page",
    source: "https://www.kaggle.com/datasets/sangamman/deepfashion-consumer-to-shop-training",
    download: kaggleDataSet("sangamman/deepfashion-consumer-to-shop-training"),
  },
  {
    name: "food_first",
    title: "Food Recognition 2022",
    folder: "Food2022",
    smallestClass: 5,
    layout: "annotations.json (COCO, release 2.0) and images/<image>",
    parts: ["annotations.json", "images"],
    unwrap: "raw_data/public_training_set_release_2.0",
    cropAbovePx: 640,
    read: () => coco({ annotations: "annotations.json", imageFolder: "images" }),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/sainikhileshreddy/food-recognition-2022",
    download: kaggleDataSet("sainikhileshreddy/food-recognition-2022"),
  },
  {
    name: "DeepFashion2",
    title: "DeepFashion2, hard triplets",
    folder: "DeepFashion2",
    smallestClass: 3,
    layout: "<split>/<x>/<class>/<y>/<image>",
    parts: [],
    read: tree(/^[^/]+\/[^/]+\/([^/]+)\/[^/]+\/[^/]+$/),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/sangamman/deepfashion2-hard-triplets",
    download: kaggleDataSet("sangamman/deepfashion2-hard-triplets"),
  },
  {
    name: "Fashion_200K",
    title: "Fashion200K",
    folder: "Fashion_200K",
    smallestClass: 3,
    layout: "women/<category>/<subcategory>/<product id>/<image>",
    parts: ["women"],
    read: tree(/^women\/[^/]+\/[^/]+\/([^/]+)\/[^/]+$/),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/mayukh18/fashion200k-dataset",
    download: kaggleDataSet("mayukh18/fashion200k-dataset"),
  },
  {
    name: "Stanford_Products",
    title: "Stanford Online Products",
    folder: "Stanford_Products",
    smallestClass: 5,
    layout: "<category>_final/<class>_<n>.JPG",
    parts: [],
    unwrap: "Stanford_Online_Products",
    read: tree(/^[^/]+_final\/([^/_]+)_[^/_]+$/),
    licence: SOURCE_PAGE,
    source: "https://cvgl.stanford.edu/projects/lifted_struct/",
    download: { how: "direct link", url: "ftp://cs.stanford.edu/cs/cvgl/Stanford_Online_Products.zip" },
    size: "3.1 GB",
  },
  {
    name: "Food2021",
    title: "Large-scale Fine-grained Food AI, ICCV 2021",
    folder: "Food2021",
    smallestClass: 5,
    layout: "<class>/<image>",
    parts: [],
    read: tree(/^([^/]+)\/[^/]+$/),
    licence: RULES,
    source: "https://www.kaggle.com/competitions/largefinefoodai-iccv-recognition/data",
    download: competition("largefinefoodai-iccv-recognition"),
  },
];

/** The 14 data sets of the 2nd place solution, in merge order. */
export const DATA_SETS: readonly DataSet[] = ROWS.map((row, index) => ({
  ...row,
  number: index + 1,
  read: row.read(row),
}));

/** The demo, drawn on this machine in the layouts of seven of the 14 data sets. */
export const DEMO_SET = {
  name: "demo",
  title: "Demo: emoji of nine vendors",
  folder: "data/demo",
  licence: "each vendor's own: see data/README.md",
  source: "npm packages of the workspace",
  download: { how: "drawn", command: "npx guie get-data --data-dir data/demo --demo" },
  size: "6,454 images",
} as const satisfies CatalogueRow & { folder: string };

/**
 * Returns the data sets that a data directory may hold, in merge order: the 14, then a person's own.
 * @throws UserError if data_sets.json is damaged
 * @example
 * allDataSets("data/shop").map(({ number, name }) => `${number} ${name}`)
 */
export function allDataSets(dataDir: string): DataSet[] {
  return [...DATA_SETS, ...ownDataSets(dataDir)];
}

/**
 * Returns the data set with this name or folder.
 * @param dataDir the data directory whose own data sets count as well
 * @throws UserError for an unknown name, with the nearest known one
 * @example
 * findDataSet("Fruit").folder
 */
export function findDataSet(name: string, dataDir?: string): DataSet {
  const sets = dataDir === undefined ? DATA_SETS : allDataSets(dataDir);
  const found = sets.find((set) => set.name === name || set.folder === name);
  if (found) return found;
  const known = sets.map((set) => set.name);
  const near = nearestName(name, known);
  throw new UserError(
    `There is no data set "${name}"; there are: ${known.join(", ")}.`,
    `${near ? `Did you mean "${near}"?` : "Choose one of these."} Photos of your own: npx guie get-data --data-dir DIR --dataset NAME --raw PHOTOS`,
  );
}
