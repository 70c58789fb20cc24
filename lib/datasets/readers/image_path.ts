// Checks the image paths that a table names: none leaves the folder.
import { posix } from "node:path";
import { UserError } from "../../common/errors";

const NEXT =
  "Get the data set's own table again, or mend that row: every image lies in the data set's folder.";

/**
 * The path of an image as a data set's own table says it, normalised, once it is sure to lie in the data set's folder.
 * @param file relative to the data set's folder, with forward slashes
 * @param where file and row, for messages
 * @throws UserError for a path that leaves the folder, or that was not read as UTF-8
 */
export function checkedImagePath(file: string, where: string): string {
  const path = posix.normalize(file);
  if (posix.isAbsolute(path) || path === "." || path === ".." || path.startsWith("../")) {
    throw new UserError(
      `${where}: the image path ${JSON.stringify(file)} leaves the data set's folder.`,
      NEXT,
    );
  }
  if (path.includes("\0"))
    throw new UserError(`${where}: the image path ${JSON.stringify(file)} holds a zero byte.`, NEXT);
  if (path.includes("\uFFFD")) {
    throw new UserError(
      `${where}: the image path ${JSON.stringify(file)} is not UTF-8 text.`,
      "Turn the table into UTF-8, such as: iconv -f latin1 -t utf8 train.csv > utf8.csv",
    );
  }
  return path;
}
