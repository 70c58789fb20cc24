// Checks which images of a table exist on the disk.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { readPatiently, requireFoldersOf } from "../../common/files/file_faults";
import { seeFile } from "../../common/files/fingerprint";

/**
 * Returns a function that tells whether an annotated image exists: parts of a data set may have been left out.
 * @param folder the data set's folder
 * @returns true if the image exists; throws UnreachableFile if the data set, or a folder that had images, has
 * disappeared
 */
export function presenceIn(folder: string): (file: string) => Promise<boolean> {
  const withImages = new Set<string>();
  const look = async (path: string) => {
    const parent = dirname(path);
    if (await seeFile(path)) {
      withImages.add(parent);
      return true;
    }
    const isLeftOut = !withImages.has(parent) && !existsSync(parent) && existsSync(folder);
    if (!isLeftOut) requireFoldersOf([path]);
    return false;
  };
  return (file) => readPatiently(folder, () => look(join(folder, file)));
}
