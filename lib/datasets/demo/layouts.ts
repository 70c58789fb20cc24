// The demo's raw layouts: where a picture is stored, per imitated data set.
import { createHash } from "node:crypto";
import type { DemoClass } from "./classes";
import type { PicturePlan } from "./picture";
import type { Vendor } from "./vendors";

/** One picture of the demo data set, before it is drawn. */
export interface DemoPicture {
  class: DemoClass;
  vendor: Vendor;
  icon: string;
  /** Place among the drawings of its class, from 0. */
  index: number;
  heldOut: boolean;
  plan: PicturePlan;
}

/** How one of the data sets keeps its images: what its reader in the catalogue reads, written. */
export interface DemoLayout {
  /** Where a picture goes, relative to the raw data set's folder. */
  place: (picture: DemoPicture) => string;
  /** True where the real data set's file names end in .jpg or .JPG whatever is in them. */
  jpegOnly?: boolean;
  /** The data set's own CSV file, `train.csv`. */
  table?: {
    columns: readonly string[];
    rows: (pictures: readonly DemoPicture[]) => (string | number)[][];
  };
}

// The real Shopee table names 5 % of its images twice; here it is every 20th.
const ROWS_PER_DUPLICATE = 20;
// One drawing in five, as a test split.
const DRAWINGS_PER_TEST_IMAGE = 5;

/** The layouts of the seven data sets as which the demo is written. */
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
  return (index + 1) % DRAWINGS_PER_TEST_IMAGE === 0 ? "test" : "train";
}

/** The same name in every class: 0.jpg, 1.png, ... */
function fileName({ index, plan }: DemoPicture): string {
  return `${index}.${plan.format}`;
}

/** The real data sets name these images by random hexadecimal digits. */
function imageId({ class: { codePoint }, vendor }: DemoPicture, digits: number): string {
  return createHash("sha256").update(`${codePoint} ${vendor}`).digest("hex").slice(0, digits);
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
