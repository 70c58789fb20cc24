// An index over files of text, whose vectors are made of the files' bytes: no model is needed.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { contentOf } from "guie/dist/common/files/fingerprint";
import type { PhotoEmbedder } from "guie/dist/features/embed_photos";
import type { Features } from "guie/dist/features/feature_files";
import { ensureFeatureFolder } from "guie/dist/features/feature_writer";
import type { FeatureRows } from "guie/dist/features/rows_csv";

const LENGTH = 8;

/** Returns the vector of a file: numbers of its hash, from 1 to 256, exact in float16. */
export function vectorOf(bytes: Uint8Array): number[] {
  return Array.from(
    { length: LENGTH },
    (_, i) => 1 + Number.parseInt(contentOf(bytes).slice(2 * i, 2 * i + 2), 16),
  );
}

/** An embedder of files of text; files that begin with "no" cannot be read, "zero" gives zeros, "nan" NaN. */
export function textEmbedder(asked: string[] = [], more: Partial<PhotoEmbedder> = {}): PhotoEmbedder {
  return {
    madeBy: { tower: "text" },
    sourcesOf: (folder) => ({ folder }),
    embedShards: async (folder) => async (files) => {
      asked.push(...files);
      const bytes = files.map((file) => readFileSync(resolve(folder, file)));
      const begins = (text: string) => (file: Uint8Array) =>
        Buffer.from(file).toString("latin1").startsWith(text);
      const [isNo, isZero, isNotNumber] = ["no", "zero", "nan"].map(begins);
      const good = bytes.filter((file) => !isNo!(file));
      const data = Float32Array.from(
        good.flatMap((file) =>
          vectorOf(file).map((value) => (isZero!(file) ? 0 : isNotNumber!(file) ? Number.NaN : value)),
        ),
      );
      return {
        vectors: { data, count: good.length, length: LENGTH },
        skipped: files.filter((_, i) => isNo!(bytes[i]!)).map((file) => ({ file, reason: "no image" })),
        contents: bytes.map(contentOf),
      };
    },
    ...more,
  };
}

/** Writes files of text whose content is their own name. */
export function writeTexts(folder: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `text ${name}`);
  }
}

/** Embeds files to a new folder, as `guie embed --out` does. */
export function embedTexts(
  out: string,
  folder: string,
  rows: FeatureRows,
  rowsPerShard = 4,
): Promise<Features> {
  const embedder = textEmbedder();
  const plan = {
    rows,
    madeBy: { ...embedder.madeBy, views: "whole", folder },
    sources: embedder.sourcesOf(folder),
    rowsPerShard,
    replace: false,
  };
  return ensureFeatureFolder(out, plan, () => embedder.embedShards(folder, { stage: "", total: 0 }));
}
