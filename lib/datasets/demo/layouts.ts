// The demo's raw layouts: the path of each picture, per imitated data set.
import { createHash } from "node:crypto";
import type { DemoClass } from "./classes";
import type { PicturePlan } from "./picture";
import type { Vendor } from "./vendors";

/** One picture of the demo data set, before it is drawn. */
export interface DemoPicture {
  class: DemoClass;
  vendor: Vendor;
  icon: string;
  /** 0: the first picture of this drawing; 1, 2, ...: further views. */
  view: number;
  /** Index among the pictures of its class, from 0. */
  index: number;
  heldOut: boolean;
  plan: PicturePlan;
}

/** Raw layout of an imitated data set, as its reader in the catalogue expects it. */
export interface DemoLayout {
  /** Returns a picture's path relative to the raw data set's folder. */
  place: (picture: DemoPicture) => string;
  /** True if file names of the real data set end in .jpg or .JPG whatever the format. */
  jpegOnly?: boolean;
  /** The data set's own CSV file, `train.csv`. */
  table?: {
    columns: readonly string[];
    rows: (pictures: readonly DemoPicture[]) => (string | number)[][];
  };
}

// The real Shopee table lists 5 % of its images twice: every 20th here.
const ROWS_PER_DUPLICATE = 20;
// One picture in five goes into the test split.
const PICTURES_PER_TEST_IMAGE = 5;

/** The layouts of the seven imitated data sets. */
export const DEMO_LAYOUTS: Readonly<Record<string, DemoLayout>> = {
  rp2k: {
    place: (picture) => `${split(picture)}/${picture.class.slug}/${fileName(picture)}`,
  },
  Landmark2021: {
    place: (picture) => {
      const id = imageId(picture, 16);
      return `train/${id[0]}/${id[1]}/${id[2]}/${id}.jpg`;
    },
    jpegOnly: true,
    table: {
      columns: ["id", "landmark_id"],
      rows: (pictures) => pictures.map((picture) => [imageId(picture, 16), picture.class.order]),
    },
  },
  Shopee: {
    place: (picture) => `train_images/${shopeeImage(picture)}`,
    table: { columns: ["posting_id", "image", "image_phash", "title", "label_group"], rows: shopeeRows },
  },
  Art_MET: {
    place: (picture) => `MET/${picture.class.slug}/${fileName(picture)}`,
  },
  Fashion_200K: {
    place: (picture) => {
      const { subgroup, version, slug } = picture.class;
      return `women/${subgroup}/emoji_${version}/${slug}/${slug}_${fileName(picture)}`;
    },
  },
  Stanford_Products: {
    place: ({ class: { subgroup, slug }, index }) => `${subgroup}_final/${slug}_${index}.JPG`,
    jpegOnly: true,
  },
  Food2021: {
    place: (picture) => `${picture.class.slug}/${fileName(picture)}`,
  },
};

function split({ index }: DemoPicture): "train" | "test" {
  return (index + 1) % PICTURES_PER_TEST_IMAGE === 0 ? "test" : "train";
}

/** Returns a file name that repeats in every class: 0.jpg, 1.png, ... */
function fileName({ index, plan }: DemoPicture): string {
  return `${index}.${plan.format}`;
}

/** Returns an image id in hexadecimal digits, like the random ones of the real data sets. */
function imageId({ class: { codePoint }, vendor, view }: DemoPicture, digits: number): string {
  const name = view === 0 ? `${codePoint} ${vendor}` : `${codePoint} ${vendor} ${view}`;
  return createHash("sha256").update(name).digest("hex").slice(0, digits);
}

function shopeeImage(picture: DemoPicture): string {
  return `${imageId(picture, 32)}.${picture.plan.format}`;
}

function shopeeRows(pictures: readonly DemoPicture[]): (string | number)[][] {
  const posted = pictures.flatMap((picture, i) =>
    i % ROWS_PER_DUPLICATE === 0 ? [picture, picture] : [picture],
  );
  return posted.map((picture, i) => [
    `train_${i}`,
    shopeeImage(picture),
    imageId(picture, 16),
    picture.class.label,
    picture.class.order,
  ]);
}
