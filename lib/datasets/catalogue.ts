import { nearestName, UserError } from "../common/errors";
import { coco } from "./readers/coco";
import { csvTable } from "./readers/csv_table";
import { imageTree } from "./readers/image_tree";
import { matlabStructs } from "./readers/matlab_structs";
import type { Reader } from "./readers/reader";

/** One of the 14 data sets. */
export interface DataSet {
  /** Place in the order in which Data_Merge puts them together, from 1. */
  number: number;
  /** Of `csv/<name>.csv`, as the original calls it. */
  name: string;
  /** As its makers call it. */
  title: string;
  /** Of `raw/<folder>`. */
  folder: string;
  /** Classes with fewer images are dropped by Data_preprocessing. */
  smallestClass: number;
  /** How the raw folder looks inside, as people read it. */
  layout: string;
  read: Reader;
  licence: string;
  /** The page to get it from. */
  source: string;
}

type DataSetRow = Omit<DataSet, "number" | "read"> & { read: (layout: string) => Reader };

const COMPETITION = "the rules of the competition on the source page";
const RESEARCH = "non-commercial research; terms on the source page";
const SOURCE_PAGE = "terms on the source page";

const tree = (pattern: RegExp, tops: string[], classKey?: (text: string) => string) => (layout: string) =>
  imageTree({ pattern, tops, layout, classKey });
const trainCsv =
  (imageColumn: string, classColumn: string, imageFile: (cell: string) => string) => (layout: string) =>
    csvTable({
      file: "train.csv",
      imageColumn,
      classColumn,
      imageFile,
      next: `Unpack the data set as ${layout}.`,
    });

// The splits of DeepFashion write one product's number now with and now without leading zeros.
const productNumber = (text: string) => text.replace(/^0+(?=\d)/, "");

/** In merge order. */
const ROWS: DataSetRow[] = [
  {
    name: "rp2k",
    title: "RP2K",
    folder: "rp2k",
    smallestClass: 5,
    layout: "{train,test}/<class>/<image>",
    read: tree(/^(?:train|test)\/([^/]+)\/[^/]+$/, ["train", "test"]),
    licence: SOURCE_PAGE,
    source: "https://www.pinlandata.com/rp2k_dataset/",
  },
  {
    name: "Landmark2021",
    title: "Google Landmarks v2 (clean), 2021",
    folder: "Landmark2021",
    smallestClass: 5,
    layout: "train.csv (id,landmark_id) and train/<id[0]>/<id[1]>/<id[2]>/<id>.jpg",
    read: trainCsv("id", "landmark_id", (id) => `train/${id[0]}/${id[1]}/${id[2]}/${id}.jpg`),
    licence: "annotations CC BY 4.0; each photo under its own Creative Commons or public-domain licence",
    source: "https://www.kaggle.com/competitions/landmark-retrieval-2021",
  },
  {
    name: "JD_Products_10K",
    title: "JD Products-10K",
    folder: "JD_Products_10K",
    smallestClass: 5,
    layout: "train.csv (name,class,group) and train/<name>",
    read: trainCsv("name", "class", (name) => `train/${name}`),
    licence: COMPETITION,
    source: "https://www.kaggle.com/c/products-10k",
  },
  {
    name: "Shopee",
    title: "Shopee",
    folder: "Shopee",
    smallestClass: 3,
    layout: "train.csv (posting_id,image,image_phash,title,label_group) and train_images/<image>",
    read: (layout) =>
      csvTable({
        file: "train.csv",
        imageColumn: "image",
        imageFile: (image) => `train_images/${image}`,
        classColumn: "label_group",
        nameColumn: "title",
        next: `Unpack the data set as ${layout}.`,
      }),
    licence: COMPETITION,
    source: "https://www.kaggle.com/competitions/shopee-product-matching",
  },
  {
    name: "Art_MET",
    title: "The MET",
    folder: "Art_MET",
    smallestClass: 3,
    layout: "MET/<class>/<image>",
    read: tree(/^MET\/([^/]+)\/[^/]+$/, ["MET"]),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/dschettler8845/the-met-dataset",
  },
  {
    name: "Aliproducts",
    title: "AliProducts",
    folder: "Aliproducts",
    smallestClass: 5,
    layout: "{train1..train9,val}/<class>/<image>",
    read: tree(/^(?:train[1-9]|val)\/([^/]+)\/[^/]+$/, [
      ...Array.from({ length: 9 }, (_, i) => `train${i + 1}`),
      "val",
    ]),
    licence: COMPETITION,
    source: "https://tianchi.aliyun.com/competition/entrance/231780/introduction",
  },
  {
    // iconic-images-and-descriptions beside the three splits is left out: drawings for a catalogue, not photos.
    name: "Fruit",
    title: "Grocery Store",
    folder: "Fruit",
    smallestClass: 5,
    layout: "{train,val,test}/{Fruit,Packages,Vegetables}/<kind>[/<variety>]/<image>",
    read: tree(/^(?:train|val|test)\/(?:Fruit|Packages|Vegetables)\/(?:[^/]+\/)?([^/]+)\/[^/]+$/, [
      "train",
      "val",
      "test",
    ]),
    licence: "MIT",
    source: "https://github.com/marcusklasson/GroceryStoreDataset",
  },
  {
    name: "Stanford_Cars",
    title: "Stanford Cars",
    folder: "Stanford_Cars",
    smallestClass: 5,
    layout: "cars_annos.mat (annotations.relative_im_path and .class, class_names) and <relative_im_path>",
    read: (layout) =>
      matlabStructs({
        file: "cars_annos.mat",
        annotations: "annotations",
        pathField: "relative_im_path",
        classField: "class",
        classNames: "class_names",
        next: `Unpack the data set as ${layout}.`,
      }),
    licence: SOURCE_PAGE,
    source: "https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
  },
  {
    name: "DeepFashion_CTS",
    title: "DeepFashion, consumer to shop",
    folder: "DeepFashion_CTS",
    smallestClass: 3,
    layout: "[deepfashion/]<split>/<category>/<x>_<id>/[<sub>/]<image>",
    read: tree(/^(?:deepfashion\/)?[^/]+\/[^/]+\/[^/]*_([^/_]+)\/(?:[^/]+\/)?[^/]+$/, [""], productNumber),
    licence: RESEARCH,
    source: "https://www.kaggle.com/datasets/sangamman/deepfashion-consumer-to-shop-training",
  },
  {
    name: "food_first",
    title: "Food Recognition 2022",
    folder: "Food2022",
    smallestClass: 5,
    layout: "annotations.json (COCO, release 2.0) and images/<image>",
    read: () => coco({ annotations: "annotations.json", imageFolder: "images" }),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/sainikhileshreddy/food-recognition-2022",
  },
  {
    name: "DeepFashion2",
    title: "DeepFashion2, hard triplets",
    folder: "DeepFashion2",
    smallestClass: 3,
    layout: "<split>/<x>/<class>/<y>/<image>",
    read: tree(/^[^/]+\/[^/]+\/([^/]+)\/[^/]+\/[^/]+$/, [""]),
    licence: RESEARCH,
    source: "https://www.kaggle.com/datasets/sangamman/deepfashion2-hard-triplets",
  },
  {
    name: "Fashion_200K",
    title: "Fashion200K",
    folder: "Fashion_200K",
    smallestClass: 3,
    layout: "women/<category>/<subcategory>/<product id>/<image>",
    read: tree(/^women\/[^/]+\/[^/]+\/([^/]+)\/[^/]+$/, ["women"]),
    licence: SOURCE_PAGE,
    source: "https://www.kaggle.com/datasets/mayukh18/fashion200k-dataset",
  },
  {
    name: "Stanford_Products",
    title: "Stanford Online Products",
    folder: "Stanford_Products",
    smallestClass: 5,
    layout: "<category>_final/<class>_<n>.JPG",
    read: tree(/^[^/]+_final\/([^/_]+)_[^/_]+$/, [""]),
    licence: SOURCE_PAGE,
    source: "https://cvgl.stanford.edu/projects/lifted_struct/",
  },
  {
    name: "Food2021",
    title: "Large-scale Fine-grained Food AI, ICCV 2021",
    folder: "Food2021",
    smallestClass: 5,
    layout: "<class>/<image>",
    read: tree(/^([^/]+)\/[^/]+$/, [""]),
    licence: COMPETITION,
    source: "https://www.kaggle.com/competitions/largefinefoodai-iccv-recognition/data",
  },
];

/** The 14 data sets of the 2nd place solution, in merge order. */
export const DATA_SETS: readonly DataSet[] = ROWS.map((row, index) => ({
  ...row,
  number: index + 1,
  read: row.read(row.layout),
}));

/**
 * The data set of that name (or folder).
 * @throws UserError for an unknown name, with the nearest known one
 */
export function findDataSet(name: string): DataSet {
  const found = DATA_SETS.find((set) => set.name === name || set.folder === name);
  if (found) return found;
  const known = DATA_SETS.map((set) => set.name);
  const near = nearestName(name, known);
  throw new UserError(
    `There is no data set "${name}"; there are: ${known.join(", ")}.`,
    near ? `Did you mean "${near}"?` : "Choose one of these.",
  );
}
