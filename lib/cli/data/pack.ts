// `guie pack`: writes the images of the training table into tars that are read in sequence.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { shellQuoted } from "../../common/shell";
import { textTable } from "../../common/text_table";
import { packImages } from "../../packs/pack";
import { FOLDS_CSV } from "../../tables/layout";
import { type CommandResult, setAction } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";

interface PackCommandOptions {
  dataDir: string;
  csv: string;
  imagesPerTar: string;
  seed: string;
}

/** Registers `guie pack`. */
export function registerPack(program: Command): void {
  const command = program
    .command("pack")
    .description(
      "Pack the images of the training table into tars (WebDataset), which training reads in sequence.",
    )
    .requiredOption("--data-dir <dir>", "folder with the pipeline's files")
    .option("--csv <file>", "table below the folder", FOLDS_CSV)
    .option("--images-per-tar <n>", "images in a tar; 8192 of 224 px take about 150 MB", "8192")
    .option("--seed <n>", "random seed of the images' order", "999");
  setAction<PackCommandOptions>(command, pack);
}

async function pack({ dataDir, csv, ...options }: PackCommandOptions): Promise<CommandResult> {
  const result = await packImages({
    dataDir,
    csv,
    imagesPerTar: wholeNumberOf("--images-per-tar", options.imagesPerTar, 1),
    seed: wholeNumberOf("--seed", options.seed),
    onProgress: terminalProgress(),
  });
  const { folder, images, tars, kept, bytes } = result;
  const table = textTable(
    ["images", "tars", "there already", "MB", "folder"],
    [[images, tars, kept, Math.ceil(bytes / 1e6), folder]],
  );
  const next = `Next: npx guie train --stage fine_tune --data-dir ${shellQuoted(dataDir)} --set imagesFrom=tars`;
  return { text: `${table}\n${next}`, summary: { ...result } };
}
