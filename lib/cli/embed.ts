import { dirname } from "node:path";
import type { Command } from "commander";
import { UserError } from "../common/errors";
import { terminalProgress } from "../common/progress";
import { projectPath } from "../common/project";
import { overrideConfig } from "../config/config";
import { preset } from "../config/presets";
import { readImageRows } from "../datasets/rows";
import { ensureFeatures, featurePath } from "../retrieval/features";
import { writeVectors } from "../retrieval/vector_file";
import { describeDevice } from "../tensorflow/device";
import { readRetrievalFiles } from "../training/data";
import { loadEmbedder } from "../training/embedder";
import { trainFeatures } from "../training/ladder";
import { type CommandResult, runs } from "./command";

interface EmbedOptions {
  configName: string;
  dataDir?: string;
  run?: string;
  csv?: string;
  out?: string;
}

/** `guie embed`: frozen features of the pipeline's images, or unit vectors of a list of images by a trained run. */
export function registerEmbed(program: Command): void {
  const command = program
    .command("embed")
    .description(
      "Without --run: the frozen backbone's features of all training and retrieval images. With --run: unit vectors.",
    )
    .option("--config-name <preset>", "preset that names backbone, size and data directory", "demo")
    .option("--data-dir <dir>", "folder with the pipeline's files")
    .option("--run <name>", "trained run that embeds")
    .option(
      "--csv <file>",
      "with --run: list of images (image_files,labels), paths relative to the data directory",
    )
    .option("--out <file>", "with --run: safetensors file to write; a CSV beside it names the rows");
  runs<EmbedOptions>(command, (options) =>
    options.run ? embedByRun(options, options.run) : embedFrozen(options),
  );
}

async function embedFrozen(options: EmbedOptions): Promise<CommandResult> {
  const config = overrideConfig(
    preset(options.configName, "frozen"),
    options.dataDir ? { dataDir: options.dataDir } : {},
  );
  process.stderr.write(`${describeDevice()}\n`);
  const onProgress = terminalProgress();
  const counts: Record<string, number> = { train: (await trainFeatures(config, onProgress)).count };
  const retrieval = await readRetrievalFiles(config.dataDir);
  for (const set of ["queries", "index"] as const) {
    if (retrieval) counts[set] = (await ensureFeatures(config, set, retrieval[set].files, onProgress)).count;
  }
  const lines = Object.entries(counts).map(
    ([set, count]) => `${set}: ${count} images, ${featurePath(config, set)}`,
  );
  return {
    text: lines.join("\n"),
    summary: { images: counts, folder: dirname(featurePath(config, "train")) },
  };
}

async function embedByRun(options: EmbedOptions, run: string): Promise<CommandResult> {
  const { csv, out } = options;
  if (!csv || !out)
    throw new UserError("--run needs --csv (the images) and --out (the file to write).", "Give both.");
  const rows = await readImageRows(csv);
  const embedder = loadEmbedder(run);
  try {
    const files = rows.map((row) => row.imageFile);
    const dataDir = options.dataDir ?? embedder.config.dataDir;
    const vectors = await embedder.embed(dataDir, `list_${run}`, files, terminalProgress());
    const path = projectPath(out);
    await writeVectors(path, vectors, files, { run });
    const text = `${vectors.count} images -> unit vectors of length ${vectors.length}: ${path}`;
    return { text, summary: { images: vectors.count, length: vectors.length, path } };
  } finally {
    embedder.dispose();
  }
}
