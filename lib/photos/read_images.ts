// Reads a person's own images: a folder, or a table that names them.
import { projectPath } from "../common/project";
import { readImageList } from "../features/image_list";
import { Images } from "./images";

/** Reads the images of a source without a word. */
export async function readImages(source: string): Promise<Images> {
  const { folder, rows, leftOut } = await readImageList(projectPath(source), projectPath(""));
  return new Images({ folder, files: [...rows.files], leftOut });
}
