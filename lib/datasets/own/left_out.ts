// Files that are left out of a person's photos: why, and the one sentence that every command says about them.

import { type LeftOut, NOT_AN_IMAGE } from "../../common/files/image_folder";
import { counted } from "../../common/words";
import { shown } from "./said";

const NAMES_SHOWN = 5;

/** Kinds of files that are no images. */
const KINDS: readonly { ending: RegExp; reason: string }[] = [
  { ending: /\.(mov|mp4|m4v|avi|mkv|webm|3gp|mts|mpe?g|wmv)$/i, reason: "a film" },
  {
    ending: /\.(dng|cr2|cr3|nef|arw|orf|rw2|raf|pef|srw)$/i,
    reason: "a camera's raw photo: export it as JPEG to have it read",
  },
  { ending: /\.(zip|tar|tgz|gz|7z|rar|xz|bz2)$/i, reason: "an archive: unpack it, or name it as the photos" },
  { ending: /(?:)/, reason: "no image" },
];

/** Returns files that a walk left out; those that are no images by their endings are named by their kind. */
export function byKind(leftOut: readonly LeftOut[]): LeftOut[] {
  return leftOut.map(({ file, reason }) =>
    reason === NOT_AN_IMAGE
      ? { file, reason: KINDS.find(({ ending }) => ending.test(file))!.reason }
      : { file, reason },
  );
}

/**
 * Returns the sentence about files that are left out: "3 files are left out: clip.mov (a film), notes.txt (no image),
 * kiwi/4.jpg (truncated or corrupt jpeg)"; "" if there are none.
 */
export function leftOutText(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return "";
  const named = leftOut.slice(0, NAMES_SHOWN).map(({ file, reason }) => `${shown(file)} (${reason})`);
  const more = leftOut.length > NAMES_SHOWN ? ` and ${counted(leftOut.length - NAMES_SHOWN, "other")}` : "";
  return `${counted(leftOut.length, "file")} ${leftOut.length === 1 ? "is" : "are"} left out: ${named.join(", ")}${more}`;
}
