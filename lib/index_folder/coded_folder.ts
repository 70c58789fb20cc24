// A folder of features as a small index: codes of its rows in memory, the rows themselves on disk.
// Shapes: N rows, F numbers per row, B bytes per code.
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../common/errors";
import { findOrMake } from "../common/files/claim";
import { keptFolder } from "../common/files/kept_folder";
import { readClassNames } from "../datasets/class_names";
import { FEATURE_FILES, type Features, withFeatures } from "../features/feature_files";
import { digestOf } from "../features/feature_sources";
import { openFeatureRows } from "../features/row_reader";
import { readCodes, writeCodes } from "../retrieval/coded/code_file";
import { type Codes, codedIndex, codeRows, type ReadRow } from "../retrieval/coded/coded_index";
import type { CodeBits } from "../retrieval/coded/levels";
import type { StoredIndex } from "../retrieval/stored_index";
import { isIndexFolder } from "./index_photos";

/** A folder of features, open for searches by codes. */
export interface CodedFolder extends StoredIndex {
  features: Features;
  /** Reads a row from disk, [F]. */
  read: ReadRow;
}

/** For messages: what an index of codes is, and what to do where it does too little. */
export const CODED = {
  of: "--code-bits, which keeps the rows on disk",
  next: "Leave out one of them. Whitened vectors: npx guie whiten, then embed with that model.",
};

/**
 * Opens a folder of features; the caller closes it. Codes are made once and kept next to the features, as
 * `codes_<rows>_<bits>.bin`. Later changes of the folder are not seen.
 * @param bits of a code per number of a row
 * @throws UserError for photos, and for an empty folder
 * @example
 * const index = await openCodedFolder("features/photos", 2); await index.search(queries, 5); await index.close();
 */
export async function openCodedFolder(folder: string, bits: CodeBits): Promise<CodedFolder> {
  if (!isIndexFolder(folder))
    throw new UserError(
      `--code-bits reads rows from disk: ${folder} is no folder of features.`,
      "npx guie embed PHOTOS --out FOLDER, then name FOLDER as the index.",
    );
  return withFeatures(folder, async (features) => {
    const { count, length } = features;
    if (count === 0)
      throw new UserError(
        `${folder} is empty: there is nothing to search.`,
        `npx guie index add ${folder} PHOTOS`,
      );
    const { files, labels } = await features.readRows();
    const classNames = await readClassNames(join(features.folder, FEATURE_FILES.classes));
    const codes = await keptCodes(features, bits);
    const reader = openFeatureRows(features);
    const { search } = codedIndex(codes, reader.read);
    const imageFolder = String(features.madeBy.folder ?? "");
    const rowAt = (position: number) => {
      const label = labels?.[position] ?? null;
      const file = files.at(position)!;
      const name = label === null ? null : (classNames.get(label) ?? null);
      return { file, path: resolve(imageFolder, file), label, name };
    };
    return {
      features,
      read: reader.read,
      name: basename(features.folder),
      count,
      length,
      labelled: labels !== undefined,
      search,
      rowsAt: async (positions) => Array.from(positions, rowAt),
      vectorAt: async (position) => reader.read(position),
      close: async () => reader.close(),
    };
  });
}

async function keptCodes(features: Features, bits: CodeBits): Promise<Codes> {
  const { folder, identity, content, count, length } = features;
  const key = digestOf([identity, content ?? []].flat()).slice(0, 16);
  const path = join(keptFolder(folder), `codes_${key}_${bits}.bin`);
  const make = async () => {
    const codes = await codeRows(features, bits);
    writeCodes(path, codes);
    removeEarlier(path, key);
    return codes;
  };
  return findOrMake(path, "The codes", () => readCodes(path, { bits, count, length }), make);
}

/** Deletes the codes of earlier rows in the same folder. */
function removeEarlier(path: string, key: string): void {
  for (const name of readdirSync(dirname(path)))
    if (/^codes_[\da-f]+_\d\.bin$/.test(name) && !name.startsWith(`codes_${key}`))
      rmSync(join(dirname(path), name), { force: true });
}
