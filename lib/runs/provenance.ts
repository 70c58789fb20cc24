// What a run is made of, told by its content: training table, classes, held-out classes, weights. docs/run_folder.md
// says how to compute each number by hand.
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { CsvRow } from "../common/csv/csv";
import { fileFingerprint } from "../common/files/fingerprint";
import type { MadeOfSettings } from "../config/parts";
import { dataFolder, featuresPath, tablePath, weightsPath } from "../config/paths";
import { FEATURE_FILES, readSummary } from "../features/feature_files";
import { CLASSES_CSV, FOLDS_CSV } from "../tables/layout";

/** The training table, the classes, the held-out classes and the weights of a run, by their content. */
export interface MadeOf {
  /** The training table, or the folder of features; SHA-256 of its bytes. */
  table: TableContent & { file: string };
  /** Its classes by label, "data set/class name"; absent where nothing names them. */
  classes?: string[];
  /** `retrieval/queries.csv`, then `index.csv`; absent where there are none, or where training classes are held out. */
  heldOut?: TableContent & { classes?: string[] };
  /** The backbone's file, by `fileFingerprint`. */
  weights?: string;
}

/** A table's bytes. */
interface TableContent {
  sha256: string;
  /** Lines below the header. */
  rows: number;
}

/** Reads what a run of this config would be made of now; undefined where its table is not there. */
export function madeOf(config: MadeOfSettings): MadeOf | undefined {
  const content = config.features ? featuresOf(config) : tableOf(config);
  if (!content) return undefined;
  const { heldOut, ...table } = content;
  const weights = weightsPath(config);
  return {
    ...table,
    ...(heldOut && config.holdOutShare === 0 ? { heldOut } : {}),
    ...(existsSync(weights) ? { weights: fileFingerprint(weights) } : {}),
  };
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

/** A folder of features tells its images and labels itself. */
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

/** SHA-256 over the bytes of files, one behind the other, and their lines without a header each; undefined where one is missing. */
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

/** The classes of the training table by label, "data set/class name"; undefined for a table that Data_Merge did not make. */
export function tableClasses(dataDir: string, csv: string): string[] | undefined {
  return csv === FOLDS_CSV ? named(readClasses(join(dataDir, CLASSES_CSV), "dataset")) : undefined;
}

/** The held-out classes by label, "group/class name"; empty where nothing names them. */
export function heldOutClasses(dataDir: string): ReadonlyMap<number, string> {
  return readClasses(join(dataDir, "retrieval", "classes.csv"), "group");
}

/** Names in the order of their labels. */
function named(classes: ReadonlyMap<number, string>): string[] | undefined {
  if (classes.size === 0) return undefined;
  return [...classes].sort(([a], [b]) => a - b).map(([, name]) => name);
}

/** A table that cannot be read names nothing: whoever needs its rows says why. */
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

/** "rp2k/apple": what a class is called, however its letters are composed. */
function classKey(group: string, name: string): string {
  return `${group.replaceAll("/", "_")}/${name}`.normalize("NFC");
}
