// `guie get-data` for a person's own photos.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import type { LeftOut } from "../../common/files/image_folder";
import { grouped } from "../../common/grouped";
import { terminalProgress } from "../../common/progress";
import { shellQuoted } from "../../common/shell";
import { textTable } from "../../common/text_table";
import { DATA_SETS } from "../../datasets/catalogue";
import { getPhotos, recognisePhotos } from "../../datasets/get_photos";
import { leftOutText } from "../../datasets/own/left_out";
import type { OwnSource } from "../../datasets/own/own_images";
import { shown } from "../../datasets/own/said";
import { ownDataSet, readOwnRows } from "../../datasets/own_sets";
import { rawFolder } from "../../datasets/raw_folder";
import type { LabelledImage } from "../../datasets/readers/reader";
import type { CommandResult } from "../shared/command";
import {
  addSourceFlags,
  SOURCE_FLAGS,
  SOURCE_SETTINGS,
  type SourceFlags,
  sourceSettings,
} from "../shared/source_flags";
import { describeResults, describeSkipped } from "./describe_reading";

/** The flags of own photos. */
export interface OwnFlags extends SourceFlags {
  dryRun?: true;
}

/** Names of these flags. */
export const OWN_FLAGS: readonly string[] = [...SOURCE_FLAGS, "--dry-run"];

/** Adds the flags for own photos to a command. */
export function addOwnFlags(command: Command): void {
  addSourceFlags(command);
  command.option("--dry-run", "own photos: say what is recognised, write nothing");
}

/**
 * Tells whether a command is about own photos that are not in data_sets.json yet, or are to be read in another way.
 * @throws UserError for flags of own photos with one of the 14 data sets, or with several
 */
export function isOwn(
  dataDir: string | undefined,
  names: readonly string[],
  raw: string | undefined,
  flags: OwnFlags,
): boolean {
  const [name] = names as [string];
  const isKnown = names.some((one) => DATA_SETS.some((set) => set.name === one || set.folder === one));
  const given = flags.dryRun === true || SOURCE_SETTINGS.some((flag) => flags[flag] !== undefined);
  if (given && (isKnown || names.length > 1))
    throw new UserError(
      `The flags for your own photos (${OWN_FLAGS.join(", ")}) need one name that is none of the 14: ${names.join(", ")}.`,
      "Leave them out, or choose a name: --dataset shop",
    );
  if (isKnown || names.length > 1) return false;
  if (raw !== undefined || given) return true;
  const hasRow = dataDir !== undefined && readOwnRows(dataDir).some((row) => row.name === name);
  return (
    !hasRow &&
    dataDir !== undefined &&
    !/[/\\]|^\.+$/.test(name) &&
    existsSync(rawFolder(dataDir, { folder: name }))
  );
}

/** Returns the source that flags describe: `--raw`, else the one of data_sets.json, else raw/<name>. */
export function ownSourceOf(
  dataDir: string | undefined,
  name: string,
  raw: string | undefined,
  flags: OwnFlags,
): OwnSource {
  const row = dataDir === undefined ? undefined : readOwnRows(dataDir).find((other) => other.name === name);
  const source = raw?.startsWith("~/") ? raw : raw === undefined ? row?.source : resolve(raw);
  if (source === undefined && dataDir === undefined)
    throw new UserError(
      "Where are the photos? --raw names a folder or a table.",
      `For example: --dataset ${shellQuoted(name)} --raw photos`,
    );
  const { number: _, name: __, ...before } = raw === undefined && row ? row : { number: 0, name };
  return { ...before, source: source ?? rawFolder(dataDir!, { folder: name }), ...sourceSettings(flags) };
}

/** Reads own photos as a data set, or with --dry-run says what they are. */
export async function readOwn(
  dataDir: string | undefined,
  [name]: readonly string[],
  source: OwnSource,
  { dryRun }: OwnFlags,
): Promise<CommandResult> {
  const home = dataDir ?? `data/${name}`;
  if (dryRun || dataDir === undefined) return describePlan(home, name!, source, dataDir);
  const onRecognised = (said: readonly string[], leftOut: readonly LeftOut[]) => {
    const lines = [...said, leftOutText(leftOut)].filter(Boolean);
    process.stderr.write(`${[`${name}: ${source.source}`, ...lines].join("\n  ")}\n`);
  };
  const result = await getPhotos(home, name!, source, { onProgress: terminalProgress(), onRecognised });
  const row = readOwnRows(home).find((other) => other.name === name)!;
  return {
    text: [
      describeResults([result]),
      ...describeSkipped(result, ownDataSet(row)),
      `Next: npx guie preprocess --data-dir ${shellQuoted(home)}`,
    ].join("\n"),
    summary: { datasets: [result], faults: [], missing: [], said: result.notes },
  };
}

const CLASSES_SHOWN = 20;

async function describePlan(
  home: string,
  name: string,
  source: OwnSource,
  dataDir: string | undefined,
): Promise<CommandResult> {
  const { row, reading, said } = await recognisePhotos(home, name, source);
  const recognised = [...said, leftOutText(reading.leftOut)].filter(Boolean);
  const byClass = grouped(reading.images, ({ classKey }: LabelledImage) => classKey);
  const sizes = [...byClass].map(
    ([text, images]) => [shown(text), images.length, shown(images[0]!.file)] as const,
  );
  const table = textTable(["class", "images", "the first"], sizes.slice(0, CLASSES_SHOWN));
  const more = sizes.length > CLASSES_SHOWN ? [`... and ${sizes.length - CLASSES_SHOWN} more classes`] : [];
  const how = dataDir === undefined ? `add --data-dir ${shellQuoted(home)}` : "leave --dry-run out";
  return {
    text: [...recognised, table, ...more, `Nothing was written. To read them as ${name}: ${how}`].join("\n"),
    summary: {
      dryRun: true,
      row,
      said,
      images: reading.images.length,
      classes: [...byClass].map(([text, images]) => ({ name: text, images: images.length })),
      leftOut: reading.leftOut,
    },
  };
}
