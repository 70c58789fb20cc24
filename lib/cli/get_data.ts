import type { Command } from "commander";
import { UserError } from "../common/errors";
import { terminalProgress } from "../common/progress";
import { DATA_SETS, type DataSet, findDataSet } from "../datasets/catalogue";
import { drawDemo } from "../datasets/demo/draw";
import { type GetDataResult, getData, presentDataSets, rawFolder } from "../datasets/get_data";
import type { SkippedCounts } from "../datasets/readers/reader";
import { type CommandResult, runs } from "./command";
import { textTable } from "./text_table";

interface GetDataOptions {
  dataDir: string;
  dataset?: string[];
  demo?: boolean;
  seed: string;
}

/** `guie get-data`: Get_Data. */
export function registerGetData(program: Command): void {
  const command = program
    .command("get-data")
    .description("Read the raw data sets below <dir>/raw and write one table of images and labels for each.")
    .requiredOption("--data-dir <dir>", "folder with the pipeline's files")
    .option(
      "--dataset <names...>",
      "data sets, apart or with commas; all whose raw folder is there unless told",
    )
    .option("--demo", "draw the demo data set into the folder first")
    .option("--seed <n>", "seed of the demo data set", "999");
  runs<GetDataOptions>(command, run);
}

async function run({ dataDir, dataset, demo, seed }: GetDataOptions): Promise<CommandResult> {
  const named = dataset?.flatMap((names) => names.split(",")).map((name) => findDataSet(name.trim()));
  const onProgress = terminalProgress();
  const drawn = demo ? await drawDemo({ dataDir, seed: wholeNumber(seed), onProgress }) : undefined;
  const datasets = named ?? presentDataSets(dataDir);
  if (datasets.length === 0) throw nothingThere(dataDir);
  const results: GetDataResult[] = [];
  for (const { name } of datasets) results.push(await getData(dataDir, name, { onProgress }));
  const missing = named ? [] : DATA_SETS.filter((set) => !datasets.includes(set));
  return {
    text: [describeResults(results), ...results.flatMap(describeSkipped), describeMissing(dataDir, missing)]
      .filter((part) => part !== "")
      .join("\n"),
    summary: { datasets: results, missing: missing.map(({ name }) => name), ...(drawn && { demo: drawn }) },
  };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value)) return value;
  throw new UserError(`--seed must be a whole number, it is "${text}".`, "--seed 999");
}

function nothingThere(dataDir: string): UserError {
  return new UserError(
    `There is no raw data set in ${rawFolder(dataDir, { folder: "" })}.\n${describeMissing(dataDir, DATA_SETS)}`,
    "Unpack one of them there, or draw the demo data set with --demo.",
  );
}

function describeResults(results: readonly GetDataResult[]): string {
  return textTable(
    ["data set", "classes", "images"],
    results.map(({ dataset, classes, rows }) => [dataset, classes, rows]),
  );
}

const SKIPPED: readonly (readonly [keyof SkippedCounts, string])[] = [
  ["harmlessFiles", "files that are no images"],
  ["duplicateRows", "rows for an image that came before"],
  ["missingImages", "rows whose image is not there"],
  ["unlabelledImages", "images without an annotation"],
];

function describeSkipped({ dataset, skipped }: GetDataResult): string[] {
  return SKIPPED.filter(([count]) => skipped[count] > 0).map(
    ([count, what]) => `${dataset}: left out ${skipped[count].toLocaleString("en-US")} ${what}`,
  );
}

function describeMissing(dataDir: string, missing: readonly DataSet[]): string {
  if (missing.length === 0) return "";
  const rows = missing.map((set) => `  ${set.title}: ${rawFolder(dataDir, set)}\n    from ${set.source}`);
  return ["Not there, and where they are expected:", ...rows].join("\n");
}
