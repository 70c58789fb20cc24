// Checks that the image paths of a table stay inside the data set's folder.
import { posix } from "node:path";
import { UserError } from "../../common/errors";

const NEXT =
  "Get the data set's own table again, or fix that row: every image lies in the data set's folder.";

/**
 * Normalises the path of an image from a data set's own table, and checks that it stays in the data set's folder.
 * @param file relative to the data set's folder, with forward slashes
 * @param where file and row, for messages
 * @throws UserError for a path that leaves the folder, or that is not valid UTF-8
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
    throw new UserError(`${where}: the image path ${JSON.stringify(file)} contains a zero byte.`, NEXT);
  if (path.includes("\uFFFD")) {
    throw new UserError(
      `${where}: the image path ${JSON.stringify(file)} is not UTF-8 text.`,
      "Turn the table into UTF-8, such as: iconv -f latin1 -t utf8 train.csv > utf8.csv",
    );
  }
  return path;
}
