// `guie preprocess`: drops small classes and resizes the images.
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { type Part, partText } from "../../common/files/part";
import { terminalProgress } from "../../common/progress";
import { shellQuoted } from "../../common/shell";
import { textTable } from "../../common/text_table";
import { RESIZE_MODES, type ResizeMode } from "../../config/model";
import type { DataSet } from "../../datasets/data_set";
import { GET_DATA, PREPROCESS, refuseFaults, tryEach, tryEachPart } from "../../datasets/over_data_sets";
import { unreadTables, unreadText } from "../../datasets/unknown_files";
import { PIXEL_RULES, type PixelRule } from "../../images/readers/options";
import { type DatasetName, rejectsCsv } from "../../preprocessing/layout";
import type { PreprocessOptions } from "../../preprocessing/preparation";
import { type PreprocessResult, preprocessDataset, preprocessShare } from "../../preprocessing/preprocess";
import { preparedDataSets } from "../../preprocessing/present_data_sets";
import { type CommandResult, setAction } from "../shared/command";
import { failureOf, namedDatasets } from "../shared/data_sets";
import { wholeNumberOf } from "../shared/numbers";
import { addPartFlag, nextText, type PartFlag, partOfFlag } from "../shared/part_flag";

interface PreprocessCommandOptions extends PartFlag {
  dataDir: string;
  dataset?: string[];
  imageSize: string;
  workers?: string;
  fast?: true;
  pixels: PixelRule;
  resizeMode: ResizeMode;
}

/** Registers `guie preprocess`: the notebook Data_preprocessing. */
export function registerPreprocess(program: Command): void {
  const command = program
    .command("preprocess")
    .description("Drop small classes, resize every image, write JPEGs and a table per data set.")
    .requiredOption("--data-dir <dir>", "folder with the pipeline's files")
    .option(
      "--dataset <names...>",
      "data sets, separated by spaces or commas (default: all with a csv/<name>.csv)",
    )
    .option("--image-size <px>", "longest side of a written image", "224")
    .option("--workers <n>", "number of threads (default: one more than the CPU has)")
    .option(
      "--fast",
      "decode large JPEGs at reduced size: faster, but pixels differ from OpenCV's by 2-3 of 255",
    )
    .addOption(
      new Option(
        "--pixels <rule>",
        "shown: transparency over white, CMYK by profile; opencv: both as in the original",
      )
        .choices(PIXEL_RULES)
        .default("shown"),
    );
  command.addOption(
    new Option(
      "--resize-mode <mode>",
      "squash: as in the original; crop: the square in the middle; pad: the whole image on black",
    )
      .choices(RESIZE_MODES)
      .default("squash"),
  );
  addPartFlag(command);
  setAction<PreprocessCommandOptions>(command, preprocess);
}

async function preprocess(options: PreprocessCommandOptions): Promise<CommandResult> {
  const part = partOfFlag(options);
  const concurrency = wholeNumberOf("--workers", options.workers ?? String(availableParallelism() + 1), 1);
  const imageSizePx = wholeNumberOf("--image-size", options.imageSize, 1);
  // sharp decodes on libuv's threads: four unless this is set before the first of them starts.
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, concurrency));
  const named = namedDatasets(options.dataDir, options.dataset);
  if (named) refuseFaults(options.dataDir, GET_DATA, named);
  const datasets = named ?? preparedDataSets(options.dataDir);
  const { dataDir, pixels, resizeMode } = options;
  const decoding = options.fast ? "reduced" : "full";
  const settings = { dataDir, imageSizePx, decoding, pixels, resizeMode, concurrency } as const;
  if (part) return preprocessPart(part, datasets, settings);
  const { results, faults } = await tryEach(dataDir, PREPROCESS, datasets, (dataset) =>
    preprocessDataset({ ...settings, dataset, onProgress: terminalProgress() }),
  );
  const unread = named ? "" : unreadText(unreadTables(dataDir));
  return {
    text: [
      describe(results),
      rejectsText(results, datasets),
      unread,
      faults.length === 0 ? `Next: npx guie merge --data-dir ${shellQuoted(dataDir)}` : "",
    ]
      .filter((text) => text !== "")
      .join("\n"),
    summary: { datasets: results, faults },
    failure: failureOf(faults),
  };
}

/** Makes a part of each data set's images. */
async function preprocessPart(
  part: Part,
  datasets: readonly DataSet[],
  settings: Omit<PreprocessOptions, "dataset">,
): Promise<CommandResult> {
  const { results, faults } = await tryEachPart(datasets, (dataset) =>
    preprocessShare({ ...settings, dataset, part, onProgress: terminalProgress() }),
  );
  const rows = results.map(({ dataset, images, total, rejected }) => [dataset, images, total, rejected]);
  return {
    text: [
      textTable(["data set", `${partText(part)}, images`, "of", "unreadable"], rows),
      nextText(part),
    ].join("\n"),
    summary: { part, datasets: results, faults },
    failure: failureOf(faults),
  };
}

function describe(results: readonly PreprocessResult[]): string {
  const header = ["data set", "rows in", "classes in", "rows out", "classes out", "unreadable"];
  const rows = results.map((result) => [
    result.dataset,
    result.rowsIn,
    result.classesIn,
    result.rowsOut,
    result.classesOut,
    result.rejected,
  ]);
  return textTable(header, rows);
}

/** Returns the line that names the tables of unreadable images. */
function rejectsText(results: readonly PreprocessResult[], datasets: readonly DatasetName[]): string {
  const rejected = results.filter((result) => result.rejected > 0).map(({ dataset }) => dataset);
  const tables = datasets.filter(({ name }) => rejected.includes(name)).map(rejectsCsv);
  return tables.length === 0 ? "" : `Unreadable images and reasons: ${tables.join(", ")}`;
}
