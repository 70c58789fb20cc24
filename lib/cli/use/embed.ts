// `guie embed`: writes the embeddings of images to a folder.
import { dirname } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { type Part, partText } from "../../common/files/part";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { textTable } from "../../common/text_table";
import { overrideConfig, type SettingName } from "../../config/config";
import { atEvaluationSize } from "../../config/model";
import { leftOutText } from "../../datasets/own/left_out";
import { sourcePath } from "../../datasets/own/read_own_images";
import type { Embedder } from "../../embedding/embedder";
import { findModel, MODEL_FORMS, openModel } from "../../embedding/find_model";
import { describeDevice } from "../../engine/native/device";
import { readTrainImages, trainFeatures } from "../../experiments/transform_rungs";
import { type FeatureDtype, readSkipped } from "../../features/feature_files";
import { ensureFeatureShare, type FeatureShare } from "../../features/feature_share";
import { ensureFeatureFolder } from "../../features/feature_writer";
import { embedBackboneShare, ensureFeatures, featureFolder } from "../../features/features";
import { readImageList } from "../../features/image_list";
import { readRetrievalFiles } from "../../training/data/read_run_data";
import { type CommandResult, setAction } from "../shared/command";
import {
  addConfigFlag,
  addConfigFlags,
  type ConfigOptions,
  configOf,
  flagOverrides,
} from "../shared/config_flags";
import { wholeNumberOf } from "../shared/numbers";
import { addPartFlag, nextText, type PartFlag, partOfFlag } from "../shared/part_flag";
import { addRenamed } from "../shared/renamed";
import { addSourceFlags, SOURCE_FLAGS, type SourceFlags, sourceSettings } from "../shared/source_flags";
import { givenOf } from "../shared/usage";
import { addViewsFlag, type ViewsFlag } from "../shared/views_flag";

interface EmbedCommandOptions extends ConfigOptions, SourceFlags, PartFlag, ViewsFlag {
  dataDir?: string;
  model?: string;
  out?: string;
  dtype?: FeatureDtype;
  rowsPerShard?: string;
  overwrite?: boolean;
}

/** Registers `guie embed`: features by a backbone, or unit vectors by a trained run, in a folder of shards. */
export function registerEmbed(program: Command): void {
  const command = program
    .command("embed")
    .argument(
      "[photos]",
      "folder of images (its class folders are labels), archive of one, table (CSV, JSON lines, Parquet, COCO), text file with one path per line, or an image",
    )
    .description(
      "Embed images: features by a backbone, or unit vectors by a trained run (--model). Without photos: the pipeline's " +
        "own images, into features/ in the data directory. If it was killed, the same command resumes.",
    )
    .option("--model <model>", `model that embeds: ${MODEL_FORMS} (default: the preset's backbone)`)
    .option("--out <folder>", "folder to write");
  addViewsFlag(command, "views of an image to embed and average");
  command
    .addOption(
      new Option(
        "--dtype <dtype>",
        "type of the stored numbers (default: float16; float32 if they exceed float16's 65,504)",
      ).choices(["float16", "float32"]),
    )
    .option("--rows-per-shard <n>", "images per file; a kill loses the last unfinished file")
    .option("--overwrite", "replace features in that folder that were made differently");
  addRenamed(command, "--run <name>", "--model", { option: "--model" });
  addSourceFlags(command);
  const settings = addConfigFlags(command, BACKBONE_SETTINGS);
  addConfigFlag(command, "dataDir");
  addPartFlag(command);
  setAction<EmbedCommandOptions>(
    command,
    (options, [photos]) =>
      photos === undefined
        ? embedPipeline(options)
        : embedPhotos(options, photos, givenOf(command, settings)),
    [
      {
        options: ["--model", "--out"],
        needs: ["[photos]"],
        next: "Which images? npx guie embed FOLDER --out FOLDER",
      },
      {
        options: ["--views", "--dtype", "--rows-per-shard", "--overwrite", ...SOURCE_FLAGS],
        needs: ["[photos]"],
      },
      { options: ["--tower", "--weights"], without: "--model", next: "Leave it out: --model chooses both." },
    ],
  );
}

/** Settings that determine how a backbone embeds. */
const BACKBONE_SETTINGS: readonly SettingName[] = [
  "tower",
  "weights",
  "imageSize",
  "resizeMode",
  "lastBlocks",
  "patchPooling",
  "precision",
  "numWorkers",
];

/** Computes the frozen backbone's features of the images that training and evaluation read. */
async function embedPipeline(options: EmbedCommandOptions): Promise<CommandResult> {
  const config = configOf({ ...options, stage: "frozen" });
  const evaluated = atEvaluationSize(config);
  const part = partOfFlag(options);
  process.stderr.write(`${describeDevice()}\n`);
  const onProgress = terminalProgress();
  if (part) return embedPipelinePart(config, part);
  const counts: Record<string, number> = { train: (await trainFeatures(config, { onProgress })).count };
  const retrieval = await readRetrievalFiles(config.dataDir);
  for (const set of ["queries", "index"] as const) {
    if (retrieval)
      counts[set] = (await ensureFeatures(evaluated, set, retrieval[set].files, { onProgress })).count;
  }
  const lines = Object.entries(counts).map(
    ([set, count]) => `${set}: ${count} images, ${featureFolder(set === "train" ? config : evaluated, set)}`,
  );
  return {
    text: lines.join("\n"),
    summary: { images: counts, folder: dirname(featureFolder(config, "train")) },
  };
}

/** Computes one part of these features. */
async function embedPipelinePart(config: ReturnType<typeof configOf>, part: Part): Promise<CommandResult> {
  const evaluated = atEvaluationSize(config);
  const retrieval = await readRetrievalFiles(config.dataDir);
  const sets = [
    { set: "train", settings: config, files: (await readTrainImages(config)).files },
    ...(["queries", "index"] as const).flatMap((set) =>
      retrieval ? { set, settings: evaluated, files: retrieval[set].files } : [],
    ),
  ];
  const shares: Record<string, FeatureShare> = {};
  for (const { set, settings, files } of sets)
    shares[set] = await embedBackboneShare(settings, set, files, { part, onProgress: terminalProgress() });
  return sharesResult(part, shares);
}

/** Returns the result of one part. @param shares its numbers, by set of images */
function sharesResult(part: Part, shares: Readonly<Record<string, FeatureShare>>): CommandResult {
  const rows = Object.entries(shares).map(([set, { shards, images, total, skipped }]) => [
    set,
    shards,
    images,
    total,
    skipped,
  ]);
  const header = ["images", `${partText(part)}, files`, "images", "of", "unreadable"];
  return { text: [textTable(header, rows), nextText(part)].join("\n"), summary: { part, images: shares } };
}

/** Embeds photos into a folder. @param settings the given flags that determine how a backbone embeds */
async function embedPhotos(
  options: EmbedCommandOptions,
  photos: string,
  settings: string,
): Promise<CommandResult> {
  const { out, views, dtype, rowsPerShard, overwrite = false } = options;
  if (!out) throw new UserError("Photos need --out: the folder to write.", "For example --out features/mine");
  const part = partOfFlag(options);
  const embedder = await modelOf(options, settings);
  try {
    const dataDir = projectPath(options.dataDir ?? embedder.config.dataDir);
    const list = await readImageList(sourcePath(photos), dataDir, sourceSettings(options));
    if (options.dataDir && list.folder !== dataDir)
      throw new UserError(
        "--data-dir: of no use with a folder of images, an image, or a table of your own.",
        "Leave it out: it only applies to lists of paths, and to tables of the pipeline (image_files).",
      );
    for (const sentence of list.said ?? []) process.stderr.write(`${sentence}\n`);
    process.stderr.write(`${describeDevice()}\n`);
    const plan = {
      rows: list.rows,
      dtype,
      replace: overwrite,
      madeBy: { ...embedder.madeBy, views, folder: list.folder },
      sources: embedder.sourcesOf(list.folder),
      rowsPerShard: rowsPerShard ? wholeNumberOf("--rows-per-shard", rowsPerShard, 1) : undefined,
    };
    const begun = { views, stage: "images", total: list.rows.files.length, onProgress: terminalProgress() };
    const embed = () => embedder.embedShards(list.folder, begun);
    if (part) {
      const share = await ensureFeatureShare(projectPath(out), plan, part, embed);
      return sharesResult(part, { photos: share });
    }
    const features = await ensureFeatureFolder(projectPath(out), plan, embed);
    const { count, length, folder, shards } = features;
    const leftOut = [...list.leftOut, ...(await readSkipped(folder))];
    const made = `${count} images -> ${length} numbers each, ${features.dtype}: ${folder}`;
    return {
      text: [made, leftOutText(leftOut)].filter(Boolean).join("\n"),
      summary: {
        images: count,
        length,
        dtype: features.dtype,
        leftOut,
        shards: shards.length,
        folder,
      },
    };
  } finally {
    embedder.dispose();
  }
}

/** Opens the model that embeds; a backbone with the given settings. */
async function modelOf(options: EmbedCommandOptions, settings: string): Promise<Embedder> {
  const { model } = options;
  const config = configOf({ ...options, stage: "frozen" });
  const found = await findModel(model, config, { onProgress: terminalProgress() });
  if (found.kind === "backbone")
    return openModel({ ...found, config: overrideConfig(found.config, flagOverrides(options)) });
  if (settings === "") return openModel(found);
  throw new UserError(
    `${settings}: of no use with the model ${model}.`,
    "Leave it out: a run, whitened or LDA model embeds by its own settings.",
  );
}
