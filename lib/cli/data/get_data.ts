// `guie get-data`: turns raw folders into one CSV per data set.
import { resolve } from "node:path";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { shellQuoted } from "../../common/shell";
import { DATA_SETS, type DataSet, DEMO_SET, findDataSet } from "../../datasets/catalogue";
import { drawDemo } from "../../datasets/demo/draw";
import type { DemoStamp } from "../../datasets/demo/stamp";
import { getData, presentDataSets } from "../../datasets/get_data";
import { GET_DATA, tryEach } from "../../datasets/over_data_sets";
import { ownNameOf } from "../../datasets/own_sets";
import { inspectRaw, rawFolder, rawStatusText } from "../../datasets/raw_folder";
import { linkRaw } from "../../datasets/raw_link";
import { unreadRaw, unreadText } from "../../datasets/unknown_files";
import { unpackShare } from "../../datasets/unpack_share";
import { type CommandResult, setAction } from "../shared/command";
import { failureOf, namedDatasets, splitNames } from "../shared/data_sets";
import { wholeNumberOf } from "../shared/numbers";
import { addPartFlag, type PartFlag, partOfFlag, partResult } from "../shared/part_flag";
import { describeResults, describeSkipped } from "./describe_reading";
import { addOwnFlags, isOwn, OWN_FLAGS, type OwnFlags, ownSourceOf, readOwn } from "./own_photos";

interface GetDataOptions extends OwnFlags, PartFlag {
  dataDir?: string;
  raw?: string;
  dataset?: string[];
  demo?: boolean;
  classesPerGroup?: string;
  seed: string;
  zipEncoding?: string;
}

/** Registers `guie get-data`: the notebook Get_Data. */
export function registerGetData(program: Command): void {
  const command = program
    .command("get-data")
    .description(
      "Read the raw data sets in <dir>/raw (archives there are unpacked) and write a table of images and labels for each. " +
        "Photos of your own: --dataset NAME --raw PHOTOS, a folder of class folders or a table; they stay where they are. " +
        "Without --data-dir: list which data sets are there, which are missing, and how to get them.",
    )
    .option("--data-dir <dir>", "folder with the pipeline's files")
    .option(
      "--dataset <names...>",
      "data sets, separated by spaces or commas (default: all with a raw folder)",
    )
    .option(
      "--raw <path>",
      "raw folder of the one --dataset (default: <data-dir>/raw/<folder>); of your own photos: a folder or a table",
    )
    .option(
      "--zip-encoding <name>",
      "encoding of file names in ZIP archives that do not state it: gbk, shift_jis, windows-1252, cp437, ... (default: guessed)",
    )
    .option("--demo", "draw the demo data set into the folder first")
    .option("--classes-per-group <n>", "a smaller demo: number of classes in each of its seven groups")
    .option("--seed <n>", "random seed of the demo data set", "999");
  addOwnFlags(command);
  addPartFlag(command);
  setAction<GetDataOptions>(command, run, [
    { options: ["--classes-per-group", "--seed"], needs: ["--demo"] },
    { options: ["--demo"], needs: ["--data-dir"], next: DEMO_SET.download.command },
    { options: OWN_FLAGS, needs: ["--dataset"] },
    { options: ["--part"], needs: ["--data-dir"] },
    { options: ["--part"], without: "--demo", next: "Leave it out: the demo is drawn in one piece." },
    {
      options: ["--part"],
      without: "--raw",
      next: "Link the folder first: the same command without --part.",
    },
  ]);
}

async function run({ dataDir, raw, dataset, ...options }: GetDataOptions): Promise<CommandResult> {
  const names = splitNames(dataset);
  if (raw !== undefined && names?.length !== 1) {
    throw new UserError(
      "--raw is the raw folder of one data set.",
      `Name it: --dataset Fruit, or a name for your own photos: --dataset ${ownNameOf(raw)}`,
    );
  }
  if (names && isOwn(dataDir, names, raw, options))
    return readOwn(dataDir, names, ownSourceOf(dataDir, names[0]!, raw, options), options);
  const named = namedDatasets(dataDir, names);
  if (dataDir === undefined) return describeStatus(named, raw);
  const onProgress = terminalProgress();
  const drawn = options.demo ? await draw(dataDir, options) : undefined;
  if (raw !== undefined) linkRaw(dataDir, named![0]!, raw);
  const datasets = named ?? presentDataSets(dataDir);
  if (datasets.length === 0) throw nothingThere(dataDir);
  const { zipEncoding } = options;
  const part = partOfFlag(options);
  if (part) {
    const share = await unpackShare(dataDir, datasets, { part, zipEncoding, onProgress });
    const { archives, bytes, total } = share;
    const done = `${archives} of ${total} archives unpacked, ${(bytes / 1e6).toFixed(1)} MB`;
    return partResult(part, done, share);
  }
  const { results, faults } = await tryEach(dataDir, GET_DATA, datasets, ({ name }) =>
    getData(dataDir, name, { zipEncoding, onProgress }),
  );
  const hasOwn = datasets.some(({ own }) => own !== undefined);
  const missing = named || hasOwn ? [] : DATA_SETS.filter((set) => !datasets.includes(set));
  return {
    text: [
      describeResults(results),
      ...results.flatMap((result) => [
        ...result.notes,
        ...describeSkipped(result, findDataSet(result.dataset, dataDir)),
      ]),
      describeMissing(dataDir, missing),
      ...(named ? [] : [unreadText(unreadRaw(dataDir))]),
    ]
      .filter((part) => part !== "")
      .join("\n"),
    summary: {
      datasets: results,
      faults,
      missing: missing.map(({ name }) => name),
      demo: drawn,
    },
    failure: failureOf(faults),
  };
}

/** Data directory to look in if none is given. */
const USUAL_DATA_DIR = "data/guie";

function draw(dataDir: string, { seed, classesPerGroup }: GetDataOptions): Promise<DemoStamp> {
  const size =
    classesPerGroup === undefined
      ? {}
      : { classesPerGroup: wholeNumberOf("--classes-per-group", classesPerGroup, 1) };
  return drawDemo({
    dataDir,
    seed: wholeNumberOf("--seed", seed),
    ...size,
    onProgress: terminalProgress(),
  });
}

const DEMO_TEXT = `${DEMO_SET.title} (${DEMO_SET.size}), drawn on this machine: ${DEMO_SET.download.command}`;

function describeStatus(named: readonly DataSet[] | undefined, raw?: string): CommandResult {
  const sets = named ?? DATA_SETS;
  const statuses = sets.map((set) => inspectRaw(set, raw ? resolve(raw) : rawFolder(USUAL_DATA_DIR, set)));
  const isReady = statuses.some(({ isWhole, archives }) => isWhole || archives.length > 0);
  const elsewhere = raw ? ` --dataset ${sets[0]!.name} --raw ${shellQuoted(raw)}` : "";
  const next = `To read them: npx guie get-data --data-dir ${USUAL_DATA_DIR}${elsewhere}`;
  return {
    text: [...statuses.map(rawStatusText), ...(named ? [] : [DEMO_TEXT]), ...(isReady ? [next] : [])].join(
      "\n\n",
    ),
    summary: { raw: statuses },
  };
}

function nothingThere(dataDir: string): UserError {
  const unread = unreadRaw(dataDir);
  const none = `There is no raw data set in ${rawFolder(dataDir, { folder: "" })}.`;
  return new UserError(
    [none, describeMissing(dataDir, DATA_SETS), ...(unread ? [unread.what] : [])].join("\n"),
    unread?.next ?? "Unpack one of them there, or draw the demo data set with --demo.",
  );
}

function describeMissing(dataDir: string, missing: readonly DataSet[]): string {
  if (missing.length === 0) return "";
  const rows = missing.map((set) => `  ${set.title}: ${rawFolder(dataDir, set)}\n    from ${set.source}`);
  return ["Missing, with the expected folders:", ...rows].join("\n");
}
