// Checks that the paths inside an archive stay in the folder.
import { posix } from "node:path";
import { Refusal } from "./refusal";

/**
 * Folder in which an archive is unpacked before its content is moved into place. Hidden, so that no reader lists it.
 */
export const WORK_FOLDER = ".unpacking";

/** Returns the name of the file that marks an archive as unpacked. */
export function markerName(archive: string): string {
  return `.${archive}.unpacked`;
}

const MARKER_NAME = /^\..*\.unpacked$/;

/**
 * Returns the checked path of an archive's entry, relative to the target folder: "" for that folder itself.
 * @throws Refusal for a path that is absolute, goes up, is not UTF-8, or has a name reserved for unpacking
 */
export function checkedEntryPath(path: string): string {
  const shown = JSON.stringify(path);
  if (path.includes("\0")) throw new Refusal(`the path ${shown} contains a zero byte`);
  if (path.includes("\uFFFD")) throw new Refusal(`the path ${shown} is not UTF-8 text`);
  if (posix.isAbsolute(path) || /^[a-z]:/i.test(path)) throw new Refusal(`the path ${shown} is absolute`);
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new Refusal(`the path ${shown} leaves the folder`);
  const first = names[0] ?? "";
  if (first === WORK_FOLDER || MARKER_NAME.test(first)) throw new Refusal(`the path ${shown} is reserved`);
  return names.join("/");
}

/** Removes the folder `unwrap` from the paths below it; other paths stay. */
export function unwrapped(path: string, unwrap: string | undefined): string {
  if (unwrap === undefined) return path;
  if (`${unwrap}/`.startsWith(`${path}/`)) return ""; // the wrapping folders themselves
  return path.startsWith(`${unwrap}/`) ? path.slice(unwrap.length + 1) : path;
}
