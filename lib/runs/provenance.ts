// The inputs of a run, identified by content: training table, classes, held-out classes, weights. docs/reference/run_folder.md
// tells how to compute each number by hand.
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { CsvRow } from "../common/csv/csv";
import { fileFingerprint } from "../common/files/fingerprint";
import type { MadeOfSettings } from "../config/parts";
import { dataFolder, featuresPath, tablePath, weightsPath } from "../config/paths";
import { FEATURE_FILES, readSummary } from "../features/feature_files";
import { packFolder, summaryPath } from "../packs/pack_folder";
import { CLASSES_CSV, FOLDS_CSV } from "../tables/layout";

/** The inputs of a run, identified by content. */
export interface MadeOf {
  /** The training table (SHA-256 of its bytes), or the folder of features. */
  table: TableContent & { file: string };
  /** Its classes by label, "data set/class name"; absent if nothing names them. */
  classes?: string[];
  /** `retrieval/queries.csv`, then `index.csv`; absent if there are none, or if training classes are held out. */
  heldOut?: TableContent & { classes?: string[] };
  /** The SHA-256 of the pack that a run reads its images from (its pack.json); absent if it reads files. */
  pack?: string;
  /** The `fileFingerprint` of the backbone's file. */
  weights?: string;
}

/** The content of a table. */
interface TableContent {
  sha256: string;
  /** Number of lines below the header. */
  rows: number;
}

/** Reads the present inputs of a run of this config; undefined if its table is missing. */
export function madeOf(config: MadeOfSettings): MadeOf | undefined {
  const content = config.features ? featuresOf(config) : tableOf(config);
  if (!content) return undefined;
  const { heldOut, ...table } = content;
  const weights = weightsPath(config);
  return {
    ...table,
    ...(heldOut && config.holdOutShare === 0 ? { heldOut } : {}),
    ...packOf(config),
    ...(existsSync(weights) ? { weights: fileFingerprint(weights) } : {}),
  };
}

/** A pack's summary decides the order of its images, and so that of a run. */
function packOf(config: MadeOfSettings): Pick<MadeOf, "pack"> {
  if (config.imagesFrom !== "tars") return {};
  const pack = contentOf([summaryPath(packFolder(config))])?.sha256;
  return pack === undefined ? {} : { pack };
}

function tableOf(config: MadeOfSettings): MadeOf | undefined {
  const table = contentOf([tablePath(config)]);
  if (!table) return undefined;
  const [dataDir, { csv }] = [dataFolder(config), config];
  const classes = tableClasses(dataDir, csv);
  const heldOut = contentOf(["queries.csv", "index.csv"].map((name) => join(dataDir, "retrieval", name)));
  const heldOutNames = named(heldOutClasses(dataDir));
  return {
    table: { file: csv, ...table },
    ...(classes ? { classes } : {}),
    ...(heldOut ? { heldOut: { ...heldOut, ...(heldOutNames ? { classes: heldOutNames } : {}) } } : {}),
  };
}

/** Reads the same from a folder of features, which stores the identity of its images and labels. */
function featuresOf(config: MadeOfSettings): MadeOf | undefined {
  const folder = featuresPath(config);
  const parts = ["train", "queries", "index"].map((part) => join(folder, part));
  const hasParts = existsSync(join(parts[0]!, FEATURE_FILES.summary));
  const [train, ...others] = (hasParts ? parts : [folder]).map((part) => readSummary(part));
  if (!train) return undefined;
  const texts = (all: typeof others) =>
    all.map((one) => (one ? `${one.identity}\n${one.rowsIdentity}\n` : ""));
  const sha256 = (all: typeof others) => createHash("sha256").update(texts(all).join("")).digest("hex");
  const rows = others.reduce((sum, one) => sum + (one?.count ?? 0), 0);
  return {
    table: { file: config.features, sha256: sha256([train]), rows: train.count },
    ...(rows > 0 ? { heldOut: { sha256: sha256(others), rows } } : {}),
  };
}

const CHUNK_BYTES = 2 ** 22;
const LINE_FEED = 0x0a;

/** Reads the SHA-256 of concatenated files, and their number of lines without headers; undefined if one is missing. */
function contentOf(paths: readonly string[]): TableContent | undefined {
  if (!paths.every((path) => existsSync(path))) return undefined;
  const hash = createHash("sha256");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let lines = 0;
  for (const path of paths) {
    const file = openSync(path, "r");
    try {
      let last = LINE_FEED;
      for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
        const part = chunk.subarray(0, bytes);
        hash.update(part);
        for (let at = part.indexOf(LINE_FEED); at >= 0; at = part.indexOf(LINE_FEED, at + 1)) lines++;
        last = part[bytes - 1]!;
      }
      if (last !== LINE_FEED) lines++;
    } finally {
      closeSync(file);
    }
  }
  return { sha256: hash.digest("hex"), rows: Math.max(0, lines - paths.length) };
}

/** Reads the training table's classes by label, "data set/class name"; undefined for a table not made by Data_Merge. */
export function tableClasses(dataDir: string, csv: string): string[] | undefined {
  return csv === FOLDS_CSV ? named(readClasses(join(dataDir, CLASSES_CSV), "dataset")) : undefined;
}

/** Reads the held-out classes by label, "group/class name"; empty if nothing names them. */
export function heldOutClasses(dataDir: string): ReadonlyMap<number, string> {
  return readClasses(join(dataDir, "retrieval", "classes.csv"), "group");
}

/** Returns the names in the order of their labels; undefined if there are none. */
function named(classes: ReadonlyMap<number, string>): string[] | undefined {
  if (classes.size === 0) return undefined;
  return [...classes].sort(([a], [b]) => a - b).map(([, name]) => name);
}

/** Reads class names by label. An unreadable table gives none: the reader of its rows reports the error. */
function readClasses(path: string, group: "dataset" | "group"): ReadonlyMap<number, string> {
  if (!existsSync(path)) return new Map();
  try {
    const rows: Partial<CsvRow>[] = parse(readFileSync(path), {
      bom: true,
      columns: true,
      skip_empty_lines: true,
    });
    return new Map(
      rows.map((row) => [
        Number(row.new_labels ?? row.labels),
        classKey(row[group] ?? "", row.class_name ?? ""),
      ]),
    );
  } catch {
    return new Map();
  }
}

/** Returns a class's key, "rp2k/apple", in Unicode normal form C. */
function classKey(group: string, name: string): string {
  return `${group.replaceAll("/", "_")}/${name}`.normalize("NFC");
}
