import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { UserError } from "../common/errors";
import { terminalProgress } from "../common/progress";
import { type DataSet, findDataSet } from "../datasets/catalogue";
import { type PreprocessResult, preprocessDataset } from "../images/preprocess";
import { preparedDataSets } from "../images/present";
import { type CommandResult, runs } from "./command";
import { textTable } from "./text_table";

interface PreprocessCommandOptions {
  dataDir: string;
  dataset?: string[];
  imageSize: string;
  workers?: string;
  fast?: true;
}

/** `guie preprocess`: Data_preprocessing. */
export function registerPreprocess(program: Command): void {
  const command = program
    .command("preprocess")
    .description("Drop small classes, resize every image, write JPEGs and a table per data set.")
    .requiredOption("--data-dir <dir>", "folder with the pipeline's files")
    .option(
      "--dataset <names...>",
      "data sets, apart or with commas; all that have a csv/<name>.csv unless told",
    )
    .option("--image-size <px>", "longest side of a kept image", "224")
    .option("--workers <n>", "images under work at once (default: one more than CPU threads)")
    .option("--fast", "decode large JPEGs at reduced size: faster, pixels 2-3 of 255 away from OpenCV's");
  runs<PreprocessCommandOptions>(command, preprocess);
}

async function preprocess(options: PreprocessCommandOptions): Promise<CommandResult> {
  const concurrency = Number(options.workers ?? availableParallelism() + 1);
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new UserError(
      `--workers must be a whole number above 0, it is "${options.workers}".`,
      "--workers 4",
    );
  }
  // Runs wait, and sharp decodes, on libuv's threads: four unless this is set before the first of them starts.
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, concurrency));
  const datasets = namedDatasets(options.dataset) ?? preparedDataSets(options.dataDir);
  const results: PreprocessResult[] = [];
  for (const dataset of datasets) {
    const { dataDir } = options;
    const decoding = options.fast ? "reduced" : "full";
    const settings = { dataDir, imageSizePx: Number(options.imageSize), decoding, concurrency } as const;
    results.push(await preprocessDataset({ ...settings, dataset, onProgress: terminalProgress() }));
  }
  return { text: describe(results), summary: { datasets: results } };
}

/** `--dataset a b` and `--dataset a,b` mean the same. */
function namedDatasets(names?: readonly string[]): DataSet[] | undefined {
  return names?.flatMap((text) => text.split(",")).map((name) => findDataSet(name.trim()));
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
  const unreadable = results.some(({ rejected }) => rejected > 0);
  const note = unreadable ? "\nUnreadable images and why: final_data_224/<folder>_rejects.csv" : "";
  return textTable(header, rows) + note;
}
