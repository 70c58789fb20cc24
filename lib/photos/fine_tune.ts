// Trains a model on a person's images: a neck on frozen features, then all parts.
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { pathForSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { makeFolder } from "../common/files/files";
import { withSignal } from "../common/interrupt";
import { shownProgress, type TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { type ConfigOverrides, overrideConfig } from "../config/config";
import { preset } from "../config/presets";
import type { Stage } from "../config/run";
import type { OwnSource } from "../datasets/own/own_images";
import { checkOwnName, readOwnRows } from "../datasets/own_sets";
import { preparePackaged } from "../pretrained/prepare_model";
import type { Images } from "./images";
import { loadModel, type Model } from "./model";
import { prepareData } from "./prepare_data";
import { readImages } from "./read_images";
import { trainStage } from "./train_stage";

/** The images to learn, the name of the result, and settings that are not the preset's: `{ margin: 0.2 }`. */
export interface FineTuneOptions
  extends TaskOptions,
    Omit<ConfigOverrides, "dataDir" | "runName" | "initFrom" | "configName" | "stage"> {
  /** Images with classes: all of them are learned, so hold some classes out before (`holdOut`). */
  data: Images | string;
  /** Name of `data/<name>` and of the runs `<name>_frozen` and `<name>_fine_tune`. */
  name: string;
  /** The last stage: `frozen` stops after the neck on frozen features. Default: fine_tune. */
  stage?: Stage;
}

/**
 * Trains a preset on images and returns the trained model. Resumes a run of this name that was stopped; a finished one
 * of the same images and settings is returned at once.
 * @throws UserError for images without classes, for a name of other images, settings or runs
 * @example
 * const tuned = await fineTune("small", { data: train, name: "shop", margin: 0.3 });
 */
export async function fineTune(
  presetName: string,
  {
    data,
    name,
    stage: last = "fine_tune",
    signal,
    onProgress = shownProgress(),
    ...settings
  }: FineTuneOptions,
): Promise<Model> {
  const images = typeof data === "string" ? await readImages(data) : data;
  const source = await writeSource(name, images);
  await preparePackaged(overrideConfig(preset(presetName, "frozen"), settings), { signal, onProgress });
  const { dataDir } = await prepareData(source, {
    name,
    holdOut: 0,
    seed: settings.seed ?? 999,
    signal,
    onProgress,
  });
  const stages: Stage[] = last === "frozen" ? ["frozen"] : ["frozen", "fine_tune"];
  let run = "";
  for (const stage of stages) {
    const initFrom = run === "" ? {} : { initFrom: run };
    run = `${name}_${stage}`;
    const config = overrideConfig(preset(presetName, stage), {
      ...settings,
      dataDir,
      runName: run,
      ...initFrom,
    });
    await withSignal(signal, () => trainStage(config, { signal, onProgress, say: console.log }));
  }
  return loadModel(run, { preset: presetName, onProgress });
}

const TABLE = { file: "photos.csv", imageColumn: "image", classColumn: "class" } as const;

/** Writes the list of images that are learned into their data directory, as the source of its data set. */
async function writeSource(name: string, images: Images): Promise<OwnSource> {
  const { folder, files, classes } = images.labelled();
  if (!classes || files.length === 0) images.labels(); // refuses images without classes
  const dataDir = projectPath("data", name);
  checkOwnName(name, []);
  const before = readOwnRows(dataDir).find((row) => row.name === name);
  if (before && before.root !== folder)
    throw new UserError(
      `data/${name} belongs to other images: ${before.root ?? before.source}.`,
      "Choose another name.",
    );
  makeFolder(dataDir);
  const source = join(dataDir, TABLE.file);
  const { imageColumn, classColumn } = TABLE;
  await writeCsv(
    source,
    [imageColumn, classColumn],
    files.map((file, row) => [pathForSpreadsheet(file), classes![row]!]),
  );
  return { source, root: folder, imageColumn, classColumn };
}
