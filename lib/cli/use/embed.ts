// `guie embed`: writes the embeddings of images to a folder.
import { dirname } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import type { LeftOut } from "../../common/files/image_folder";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import type { SettingName } from "../../config/config";
import { loadEmbedder } from "../../embedding/embedder";
import { describeDevice } from "../../engine/native/device";
import { trainFeatures } from "../../experiments/ladder";
import { FEATURE_FILES, type FeatureDtype } from "../../features/feature_files";
import type { FeatureSources } from "../../features/feature_sources";
import { ensureFeatureFolder } from "../../features/feature_writer";
import {
  backboneSources,
  ensureFeatures,
  featureFolder,
  imageEmbedder,
  madeByBackbone,
} from "../../features/features";
import { type ImageList, readImageList } from "../../features/image_list";
import { VIEWS, type Views } from "../../images/loading/views";
import { type Backbone, loadBackbone } from "../../model/backbone";
import { readRetrievalFiles } from "../../training/data/read_run_data";
import { type CommandResult, runs } from "../shared/command";
import { addConfigFlag, addConfigFlags, type ConfigOptions, configOf } from "../shared/config_flags";
import { wholeNumberOf } from "../shared/numbers";

interface EmbedCommandOptions extends ConfigOptions {
  dataDir?: string;
  run?: string;
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
      "[source]",
      "folder of images, CSV (image_files[,labels][,fold]), text file with a path a line, or an image",
    )
    .description(
      "Features of images by the backbone, or unit vectors by a trained run (--run). Without a source: the pipeline's " +
        "own images, into features/ below the data directory. Killed and started again, it goes on.",
    )
    .option("--run <name>", "trained run that embeds")
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
  const ofBackbone = addConfigFlags(command, BACKBONE_SETTINGS);
  addConfigFlag(command, "dataDir");
  runs<EmbedCommandOptions>(
    command,
    (options, [source]) => (source === undefined ? embedPipeline(options) : embedSource(options, source)),
    [
      {
        of: ["--run", "--out"],
        needs: ["[source]"],
        next: "Which images? npx guie embed FOLDER --out FOLDER",
      },
      { of: ["--views", "--dtype", "--rows-per-shard", "--overwrite"], needs: ["[source]"] },
      { of: ofBackbone, without: "--run", next: "Leave it out: a run embeds by its own settings." },
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

async function embedSource(options: EmbedCommandOptions, source: string): Promise<CommandResult> {
  const { out, run, views, dtype, rowsPerShard, overwrite = false } = options;
  if (!out)
    throw new UserError("A source needs --out: the folder to write.", "For example --out features/mine");
  const embedder = run ? runEmbedder(run, views) : backboneEmbedder(options, views);
  try {
    const dataDir = projectPath(options.dataDir ?? embedder.dataDir);
    const list = await readImageList(projectPath(source), dataDir);
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
      madeBy: { ...embedder.madeBy, folder: list.folder },
      sources: embedder.sourcesOf(list),
      rowsPerShard: rowsPerShard ? wholeNumberOf("--rows-per-shard", rowsPerShard, 1) : undefined,
    };
    const features = await ensureFeatureFolder(projectPath(out), plan, () => embedder.begin(list));
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
    embedder.end();
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

type Begin = (list: ImageList) => ReturnType<Parameters<typeof ensureFeatureFolder>[2]>;

/** Who embeds: loaded when the first shard is missing. */
interface SourceEmbedder {
  dataDir: string;
  madeBy: ReturnType<typeof madeByBackbone>;
  sourcesOf(list: ImageList): FeatureSources;
  begin: Begin;
  end(): void;
}

function backboneEmbedder(options: ConfigOptions, views: Views): SourceEmbedder {
  const config = configOf({ ...options, stage: "frozen" });
  let backbone: Backbone | undefined;
  return {
    dataDir: config.dataDir,
    madeBy: madeByBackbone(config, views),
    sourcesOf: ({ folder }) => backboneSources(config, folder),
    begin: async ({ folder, rows }) => {
      backbone = await loadBackbone(config);
      return imageEmbedder({ ...config, dataDir: folder }, backbone, reporting(views, rows.files.length));
    },
    end: () => backbone?.dispose(),
  };
}

function runEmbedder(run: string, views: Views): SourceEmbedder {
  const embedder = loadEmbedder(run);
  return {
    dataDir: embedder.config.dataDir,
    madeBy: { ...embedder.madeBy, views },
    sourcesOf: ({ folder }) => ({ folder }),
    begin: ({ folder, rows }) => embedder.embedShards(folder, reporting(views, rows.files.length)),
    end: () => embedder.dispose(),
  };
}

function reporting(views: Views, total: number) {
  return { views, stage: "images", total, onProgress: terminalProgress() };
}
