// Names the preprocessed images without collisions.
import { createHash } from "node:crypto";

/** Longest file name: the 255 bytes of a file system, less room for the suffix of a temporary name. */
const LONGEST_NAME_BYTES = 200;

/**
 * Returns the file name of a preprocessed image, by the same rule for every data set: its path below `raw/<folder>/`,
 * with "+" for "/": `raw/rp2k/train/cola/1.jpg` -> `train+cola+1.jpg`. No two paths have the same name:
 * - any character other than letters, digits and ` . _ -` becomes "~" and its bytes in hex (so does a leading ".");
 * - a name that does not end in ".jpg" gets "~.jpg" appended: `1.png` -> `1.png~.jpg`;
 * - a path outside `raw/<folder>/` is written in full, with a leading "+";
 * - a name over 200 bytes is cut and ends in "~~" and 128 bits of the full name's SHA-256.
 */
export function jpegName(imageFile: string, folder: string): string {
  const prefix = `raw/${folder}/`;
  const path = imageFile.startsWith(prefix) ? imageFile.slice(prefix.length) : `/${imageFile}`;
  const escaped = path.replace(/^\.|[^\p{L}\p{N}._/-]/gu, escapeCharacter).replaceAll("/", "+");
  return shorten(escaped.endsWith(".jpg") ? escaped : `${escaped}~.jpg`);
}

function escapeCharacter(character: string): string {
  return [...Buffer.from(character)].map((byte) => `~${byte.toString(16).padStart(2, "0")}`).join("");
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST_NAME_BYTES) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const ending = `~~${hash}.jpg`;
  let start = "";
  for (const character of name) {
    if (Buffer.byteLength(start + character) > LONGEST_NAME_BYTES - ending.length) break;
    start += character;
  }
  return start + ending;
}
