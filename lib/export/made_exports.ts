// How exports are known again, so that a new one replaces nothing else.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { EXPORT_PARTS, type Parts } from "../common/files/made_parts";
import type { MadeKind } from "../common/files/replace";
import { SAVED_MODEL_FILE } from "../engine/saved_model/saved_model";
import { openSafetensors } from "../formats/safetensors";
import { ONNX_FILE } from "./onnx/write";

/** In the metadata of a tower's file: the image size in px for which its positions are. */
export const TOWER_FILE_MARK = "image_size_px";

/** What an export's output is, by its format. */
export const EXPORT_KINDS = {
  savedmodel: {
    what: "an exported SavedModel",
    isFolder: true,
    parts: EXPORT_PARTS.savedmodel,
    isMade: (path) => holds(join(path, SAVED_MODEL_FILE), "embedding_norm"),
  },
  onnx: {
    what: "an exported ONNX model",
    isFolder: true,
    parts: EXPORT_PARTS.onnx,
    isMade: (path) => holds(join(path, ONNX_FILE), "guie", FIRST_BYTES),
  },
  safetensors: {
    what: "exported weights",
    isFolder: true,
    parts: EXPORT_PARTS.safetensors,
    isMade: (path) => isTowerFile(join(path, "tower.safetensors")),
  },
  zip: { what: "a ZIP of an exported SavedModel", isFolder: false, isMade: isZipOfModel },
  tower: { what: "a file of exported weights", isFolder: false, isMade: isTowerFile },
} as const satisfies Record<string, MadeKind>;

/** An ONNX file names its producer in its first bytes. */
const FIRST_BYTES = 64;
/** A ZIP's list of its files stands at its end. */
const LAST_BYTES = 8192;
const LISTED = Buffer.from("PK\x01\x02", "latin1");
const [NAME_LENGTH_AT, NAME_AT] = [28, 46];

/** Whether a file holds a text. @param bytes look at so many of its first bytes; at all unless told */
function holds(path: string, text: string, bytes?: number): boolean {
  return unlessUnreadable(() => (bytes ? readPart(path, 0, bytes) : readFileSync(path)).includes(text));
}

function isTowerFile(path: string): boolean {
  return unlessUnreadable(() => {
    const { metadata, close } = openSafetensors(path);
    close();
    return TOWER_FILE_MARK in metadata;
  });
}

/** Whether a ZIP archive holds a SavedModel and nothing else. */
function isZipOfModel(path: string): boolean {
  return unlessUnreadable(() => {
    const end = readPart(path, -LAST_BYTES, LAST_BYTES);
    const names: string[] = [];
    for (let at = end.indexOf(LISTED); at >= 0; at = end.indexOf(LISTED, at + 1)) {
      const length = end.readUInt16LE(at + NAME_LENGTH_AT);
      names.push(end.toString("utf8", at + NAME_AT, at + NAME_AT + length));
    }
    const parts: Parts = EXPORT_PARTS.savedmodel;
    return names.includes(SAVED_MODEL_FILE) && names.every((name) => parts.some((part) => part.test(name)));
  });
}

/** @param start from the file's end where it is negative */
function readPart(path: string, start: number, bytes: number): Buffer {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const part = Buffer.alloc(Math.min(bytes, size));
    readSync(file, part, 0, part.length, start < 0 ? Math.max(0, size + start) : start);
    return part;
  } finally {
    closeSync(file);
  }
}

/** A file that is not there, or not what it should be, was not made here. */
function unlessUnreadable(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return false;
  }
}
