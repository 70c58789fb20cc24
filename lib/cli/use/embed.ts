// `guie embed`: writes the embeddings of images to a folder.
import { dirname } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import type { LeftOut } from "../../common/files/image_folder";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { overrideConfig, type SettingName } from "../../config/config";
import type { Embedder } from "../../embedding/embedder";
import { findModel, MODEL_FORMS, openModel } from "../../embedding/find_model";
import { describeDevice } from "../../engine/native/device";
import { trainFeatures } from "../../experiments/ladder";
import { FEATURE_FILES, type FeatureDtype } from "../../features/feature_files";
import { ensureFeatureFolder } from "../../features/feature_writer";
import { ensureFeatures, featureFolder } from "../../features/features";
import { readImageList } from "../../features/image_list";
import { VIEWS, type Views } from "../../images/loading/views";
import { readRetrievalFiles } from "../../training/data/read_run_data";
import { type CommandResult, runs } from "../shared/command";
import {
  addConfigFlag,
  addConfigFlags,
  type ConfigOptions,
  configOf,
  flagOverrides,
} from "../shared/config_flags";
import { wholeNumberOf } from "../shared/numbers";
import { addRenamed } from "../shared/renamed";
import { givenOf } from "../shared/usage";

interface EmbedCommandOptions extends ConfigOptions {
  dataDir?: string;
  model?: string;
  out?: string;
  views: Views;
  dtype?: FeatureDtype;
  rowsPerShard?: string;
  overwrite?: boolean;
}

/** `guie embed`: features of any images by the backbone, or unit vectors by a trained run; in a folder of shards. */
export function registerEmbed(program: Command): void {
  const command = program
    .command("embed")
    .argument(
      "[photos]",
      "folder of images, CSV (image_files[,labels][,fold]), text file with one path per line, or an image",
    )
    .description(
      "Features of images by a backbone, or unit vectors by a trained run (--model). Without photos: the pipeline's own " +
        "images, into features/ below the data directory. Killed and started again, it goes on.",
    )
    .option("--model <model>", `who embeds: ${MODEL_FORMS}; default: the preset's backbone`)
    .option("--out <folder>", "folder to write")
    .addOption(
      new Option("--views <views>", "what of an image is embedded and averaged")
        .choices(VIEWS)
        .default("whole"),
    )
    .addOption(
      new Option(
        "--dtype <dtype>",
        "what the numbers are kept as; default: float16, and float32 where they are too large for it (65,504)",
      ).choices(["float16", "float32"]),
    )
    .option("--rows-per-shard <n>", "images of a file, of which the last unfinished one is lost to a kill")
    .option("--overwrite", "replace other features in that folder");
  addRenamed(command, "--run <name>", "--model", { option: "--model" });
  const settings = addConfigFlags(command, BACKBONE_SETTINGS);
  addConfigFlag(command, "dataDir");
  runs<EmbedCommandOptions>(
    command,
    (options, [photos]) =>
      photos === undefined
        ? embedPipeline(options)
        : embedPhotos(options, photos, givenOf(command, settings)),
    [
      {
        of: ["--model", "--out"],
        needs: ["[photos]"],
        next: "Which images? npx guie embed FOLDER --out FOLDER",
      },
      { of: ["--views", "--dtype", "--rows-per-shard", "--overwrite"], needs: ["[photos]"] },
      { of: ["--tower", "--weights"], without: "--model", next: "Leave it out: --model says which." },
    ],
  );
}

/** What says how the backbone embeds. */
const BACKBONE_SETTINGS: readonly SettingName[] = [
  "tower",
  "weights",
  "imageSize",
  "lastBlocks",
  "patchMean",
  "precision",
  "numWorkers",
];

/** The frozen backbone's features of the images that the stages of a run read. */
async function embedPipeline(options: EmbedCommandOptions): Promise<CommandResult> {
  const config = configOf({ ...options, stage: "frozen" });
  process.stderr.write(`${describeDevice()}\n`);
  const onProgress = terminalProgress();
  const counts: Record<string, number> = { train: (await trainFeatures(config, { onProgress })).count };
  const retrieval = await readRetrievalFiles(config.dataDir);
  for (const set of ["queries", "index"] as const) {
    if (retrieval)
      counts[set] = (await ensureFeatures(config, set, retrieval[set].files, { onProgress })).count;
  }
  const lines = Object.entries(counts).map(
    ([set, count]) => `${set}: ${count} images, ${featureFolder(config, set)}`,
  );
  return {
    text: lines.join("\n"),
    summary: { images: counts, folder: dirname(featureFolder(config, "train")) },
  };
}

/** @param settings the flags that say how a backbone embeds, as they were given */
async function embedPhotos(
  options: EmbedCommandOptions,
  photos: string,
  settings: string,
): Promise<CommandResult> {
  const { out, views, dtype, rowsPerShard, overwrite = false } = options;
  if (!out) throw new UserError("Photos need --out: the folder to write.", "For example --out features/mine");
  const embedder = await modelOf(options, settings);
  try {
    const dataDir = projectPath(options.dataDir ?? embedder.config.dataDir);
    const list = await readImageList(projectPath(photos), dataDir);
    if (options.dataDir && list.folder !== dataDir)
      throw new UserError(
        "--data-dir: of no use with a folder of images, or an image.",
        "Leave it out: it is for lists of paths.",
      );
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
    const features = await ensureFeatureFolder(projectPath(out), plan, () =>
      embedder.embedShards(list.folder, begun),
    );
    const { count, length, skipped, folder, shards } = features;
    const others = leftOutText(list.leftOut);
    const left = skipped > 0 ? `; ${skipped} could not be read: ${folder}/${FEATURE_FILES.skipped}` : "";
    return {
      text: `${count} images -> ${length} numbers each, ${features.dtype}: ${folder}${left}${others}`,
      summary: {
        images: count,
        length,
        dtype: features.dtype,
        skipped,
        leftOut: list.leftOut,
        shards: shards.length,
        folder,
      },
    };
  } finally {
    embedder.dispose();
  }
}

const LEFT_OUT_SHOWN = 10;

/** What lies in the folder and is not embedded. */
function leftOutText(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return "";
  const shown = leftOut.slice(0, LEFT_OUT_SHOWN).map(({ file, reason }) => `\n  ${file}: ${reason}`);
  const more = leftOut.length > LEFT_OUT_SHOWN ? `\n  ... (--json names all)` : "";
  return `\nleft out ${leftOut.length} that are no images:${shown.join("")}${more}`;
}

/** The model that embeds; a backbone by the settings that were given. */
async function modelOf(options: EmbedCommandOptions, settings: string): Promise<Embedder> {
  const { model } = options;
  const config = configOf({ ...options, stage: "frozen" });
  const found = await findModel(model, config, { onProgress: terminalProgress() });
  if (found.kind === "backbone")
    return openModel({ ...found, config: overrideConfig(found.config, flagOverrides(options)) });
  if (settings === "") return openModel(found);
  throw new UserError(
    `${settings}: of no use with the run ${model}.`,
    "Leave it out: a run embeds by its own settings.",
  );
}
