// Recognition of exports that this project wrote: a new export replaces nothing else.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { EXPORT_PARTS, type Parts } from "../common/files/made_parts";
import type { MadeKind } from "../common/files/replace";
import { SAVED_MODEL_FILE } from "../engine/saved_model/saved_model";
import { openSafetensors } from "../formats/safetensors";
import { ONNX_FILE } from "./onnx/write";

/** Metadata key of a tower's file: the image size in px that its position embeddings fit. */
export const TOWER_FILE_MARK = "image_size_px";

/** Each format's kind of output, and how to recognise it. */
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
/** A ZIP lists its files at its end. */
const LAST_BYTES = 8192;
const LISTED = Buffer.from("PK\x01\x02", "latin1");
const [NAME_LENGTH_AT, NAME_AT] = [28, 46];

/** Returns whether a file holds a text. @param bytes search only this many first bytes; default: all */
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

/** Returns whether a ZIP archive holds a SavedModel and nothing else. */
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

/** Reads a part of a file. @param start negative: from the file's end */
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

/** Returns the check's result; false if the file is missing or unreadable. */
function unlessUnreadable(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return false;
  }
}
