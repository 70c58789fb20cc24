// `guie whiten`: fits a whitened or LDA model to photos or to a data directory, without training.
import { type Command, Option } from "commander";
import { terminalProgress } from "../../common/progress";
import { overrideConfig } from "../../config/config";
import { preset } from "../../config/presets";
import { MODEL_FORMS } from "../../embedding/find_model";
import { fitTransformModel } from "../../experiments/fit_transform";
import { type CommandResult, setAction } from "../shared/command";

interface WhitenOptions {
  name: string;
  lda?: boolean;
  model?: string;
  configName: string;
  dataDir?: string;
  overwrite?: boolean;
}

/** Registers `guie whiten PHOTOS`: a whitened model, or with `--lda` one that knows classes. */
export function registerWhiten(program: Command): void {
  const command = program
    .command("whiten")
    .argument(
      "[photos]",
      "images to fit to, as guie embed takes them (default: the training images of the data directory)",
    )
    .description(
      "Fit a model without training: whitened features of a backbone or run, which need no classes, or an LDA, which " +
        "separates classes that it has not seen. It is used by its name like a run: embed, serve, evaluate, compare, export.",
    )
    .requiredOption("--name <name>", "name of the model, below checkpoints/")
    .option("--lda", "use the images' classes: linear discriminant analysis")
    .option(
      "--model <model>",
      `model whose vectors are mapped: ${MODEL_FORMS} (default: the preset's backbone)`,
    )
    .addOption(
      new Option("--config-name <preset>", "preset of the backbone and its settings").default("demo"),
    )
    .option("--data-dir <dir>", "data directory whose training images to fit to")
    .option("--overwrite", "replace a whitened or LDA model of this name");
  setAction<WhitenOptions>(command, (options, [photos]) => whiten(options, photos));
}

async function whiten(options: WhitenOptions, photos: string | undefined): Promise<CommandResult> {
  const { name, lda, model, configName, dataDir, overwrite } = options;
  const config = overrideConfig(preset(configName, "frozen"), dataDir ? { dataDir } : {});
  const kind = lda ? "lda" : "whitened";
  const onProgress = terminalProgress();
  const made = await fitTransformModel({ name, kind, config, photos, model, overwrite, onProgress });
  const { images, classes, folder } = made.fittedTo;
  const of = classes === undefined ? "" : ` of ${classes} classes`;
  return {
    text:
      `${made.folder}: ${kind === "lda" ? "LDA" : "whitening"} of ${made.length} numbers, fitted to ${images} images${of} in ${folder}\n` +
      `Search with it: npx guie serve PHOTOS --model ${name}`,
    summary: { ...made },
  };
}
