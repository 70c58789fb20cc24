// Pictures of one class, some at a time.
import { basename, join } from "node:path";
import { messageOf } from "../../common/errors";
import { decodeRgb } from "../../images/decode";
import { thumbnailJpeg } from "../../images/thumbnail";
import type { DatasetName } from "../../preprocessing/layout";
import { imagesOfRow } from "../../tables/class_images";
import type { ClassRow } from "../../tables/class_table";

/** Pictures that are sent at once. */
const AT_ONCE = 24;
/** Longer side: sharp on dense screens at 96 CSS pixels. */
const PICTURE_PX = 192;

/** Some images of a class. */
export interface ClassPictures {
  /** File names; with the reason for images that cannot be read. */
  names: string[];
  /** Small JPEGs; empty for images that cannot be read. */
  jpegs: Uint8Array[];
  /** Number of images of the class. */
  total: number;
}

/** Returns the images of a class from the `first` on, at most 24, as small JPEGs. */
export async function classImages(
  dataDir: string,
  datasets: readonly DatasetName[],
  row: Pick<ClassRow, "dataset" | "label">,
  first: number,
): Promise<ClassPictures> {
  const files = await imagesOfRow(dataDir, datasets, row);
  const pictures = await Promise.all(
    files.slice(first, first + AT_ONCE).map(async (file) => {
      const name = basename(file);
      try {
        const jpeg = await thumbnailJpeg(await decodeRgb(join(dataDir, file)), PICTURE_PX);
        return { name, jpeg: Uint8Array.from(jpeg) };
      } catch (error) {
        return { name: `${name}: ${messageOf(error)}`, jpeg: new Uint8Array() };
      }
    }),
  );
  return {
    names: pictures.map(({ name }) => name),
    jpegs: pictures.map(({ jpeg }) => jpeg),
    total: files.length,
  };
}
