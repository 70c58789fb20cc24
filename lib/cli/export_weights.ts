import { type Command, Option } from "commander";
import { LIBRARIES, type Library } from "../checkpoints/name_families";
import { UserError } from "../common/errors";
import { exportWeights } from "../training/export_weights";
import { runs } from "./command";

interface ExportOptions {
  run?: string;
  model?: string;
  weights?: string;
  naming: Library;
  out: string;
}

/** `guie export-weights`: a tower for other libraries. */
export function registerExportWeights(program: Command): void {
  const command = program
    .command("export-weights")
    .description(
      "write a backbone's weights alone, under the names of another library, which then loads them strictly",
    )
    .option("--run <name>", "the backbone that this run has trained")
    .option("--model <name>", "instead of --run: the model of --weights")
    .option("--weights <file>", "instead of --run: a file of prepare-model")
    .addOption(new Option("--naming <library>", "whose names").choices([...LIBRARIES]).default("open_clip"))
    .requiredOption("--out <file>", "safetensors file to write");
  runs<ExportOptions>(command, async ({ run, model, weights, naming, out }) => {
    const isFile = model !== undefined && weights !== undefined;
    if ((run !== undefined) === isFile) {
      throw new UserError("Expected either --run, or --model and --weights.", "Give one of the two.");
    }
    const from = run === undefined ? { model: model!, weights: weights! } : { run };
    const { path, tensors, imageSizePx } = await exportWeights(from, naming, out);
    const text = `${path}: ${tensors} tensors by ${naming}'s names, for images of ${imageSizePx} px`;
    return { text, summary: { path, tensors, imageSizePx } };
  });
}
