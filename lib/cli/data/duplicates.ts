// `guie duplicates`: finds photos that are in the tables more than once.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { findDuplicates, hashShare } from "../../inspection/duplicates";
import { type CommandResult, setAction } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";
import { addPartFlag, type PartFlag, partOfFlag, partResult } from "../shared/part_flag";

interface DuplicatesOptions extends PartFlag {
  dataDir: string;
  fold: string;
  maxDistance: string;
}

const PAIRS_SHOWN = 10;

/** Registers `guie duplicates`: finds one photo under two labels, or in training and validation. */
export function registerDuplicates(program: Command): void {
  const command = program
    .command("duplicates")
    .description(
      "Find photos that look the same in the merged table: under two labels, or in training and validation.",
    )
    .requiredOption("--data-dir <dir>", "folder with the pipeline's files")
    .option("--fold <n>", "the validation fold", "1")
    .option("--max-distance <bits>", "how many of 64 bits may differ between hashes of the same photo", "4");
  addPartFlag(command);
  setAction<DuplicatesOptions>(command, duplicates, [
    { options: ["--max-distance"], without: "--part", next: "Give it to the last call, without --part." },
  ]);
}

async function duplicates({ dataDir, maxDistance, ...options }: DuplicatesOptions): Promise<CommandResult> {
  const fold = wholeNumberOf("--fold", options.fold, 0);
  const settings = { dataDir, fold, onProgress: terminalProgress() };
  const part = partOfFlag(options);
  if (part) {
    const share = await hashShare({ ...settings, part });
    const done = `${share.images} of ${share.total} images hashed, ${share.unreadable} unreadable`;
    return partResult(part, done, share);
  }
  const report = await findDuplicates({
    ...settings,
    maxDistance: wholeNumberOf("--max-distance", maxDistance, 0),
  });
  const { images, unreadable, counts, pairs, path } = report;
  const found = textTable(["finding", "pairs"], Object.entries(counts));
  const worst = pairs.slice(0, PAIRS_SHOWN).filter(({ finding }) => finding !== "same class");
  const shown = worst.map(({ finding, distance, imageA, imageB }) => [finding, distance, imageA, imageB]);
  const missing = unreadable.slice(0, PAIRS_SHOWN).map(({ image, reason }) => `  ${image}: ${reason}`);
  const text = [
    found,
    ...(shown.length > 0 ? [textTable(["finding", "bits", "image", "image"], shown)] : []),
    ...(unreadable.length > 0 ? [`${unreadable.length} images could not be read:`, ...missing] : []),
    `${images} images compared; all pairs: ${path}`,
  ];
  return { text: text.join("\n"), summary: { images, unreadable: unreadable.length, counts, path } };
}
