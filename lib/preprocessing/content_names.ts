// The JPEGs of own photos have names that begin with a hash of the photo. So their order, and every draw that goes by
// it, depends on the photos alone: class folders and a flat folder with a table give the same draws.
import { posix } from "node:path";

/** Hexadecimal letters of a photo's hash in a name. */
const LETTERS = 12;
/** Follows the hash; no name by `jpegName` contains it. */
const MARK = "~-";
/** Hash and name at the end of a path. */
const NAMED = `/images/([0-9a-f]{${LETTERS}})${MARK}([^/]*)$`;

/**
 * Puts a photo's hash before the name of its JPEG.
 * @example
 * withContent("final_data_224/shop/images/tea+1.jpg", "3fa9c0ffee12...") // ".../images/3fa9c0ffee12~-tea+1.jpg"
 */
export function withContent(image: string, content: string): string {
  const { dir, base } = posix.parse(image);
  return `${dir}/${content.slice(0, LETTERS)}${MARK}${base}`;
}

/** Removes the hash again; other paths stay as they are. */
export function withoutContent(image: string): string {
  return image.replace(new RegExp(NAMED), "/images/$2");
}

/** Returns `withoutContent` as an SQL expression. @param column an SQL expression of a path */
export function withoutContentSql(column: string): string {
  return `regexp_replace(${column}, '${NAMED}', '/images/\\2')`;
}

/**
 * Returns an SQL expression of what draws of images go by: the hash of an own photo, the path of any other image.
 * @param column an SQL expression of a path
 */
export function drawKey(column: string): string {
  return `coalesce(nullif(regexp_extract(${column}, '${NAMED}', 1), ''), ${column})`;
}
