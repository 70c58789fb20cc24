// `guie export`: writes a model as SavedModel, ONNX or weight file.
import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { type ExportResult, exportRun, FORMATS, type Format } from "../../export/export_run";
import { COMPETITION_IMAGES } from "../../export/timing";
import { exportWeights } from "../../export/tower_file";
import { LIBRARIES, type Library } from "../../pretrained/name_families";
import { findCheckpoint } from "../../runs/checkpoint_ref";
import { type CommandResult, runs } from "../shared/command";

interface ExportOptions {
  format: Format;
  out?: string;
  mirror?: boolean;
  naming?: Library;
  model?: string;
  weights?: string;
  overwrite?: boolean;
}

/** Where a run's export goes unless told: below the run's folder. */
const DEFAULT_NAMES: Record<Format, string> = {
  savedmodel: "export/saved_model",
  zip: "export/submission.zip",
  onnx: "export/onnx",
  safetensors: "export/safetensors",
};

const SECONDS_PER_HOUR = 3600;

/** `guie export`: a run's model, or a prepared tower, for other software. */
export function registerExport(program: Command): void {
  const command = program
    .command("export")
    .argument("[run]", "the trained run: NAME (its last checkpoint), NAME/best, NAME/epoch_3:ema")
    .description(
      "Write a trained model for other software: the competition's submission (savedmodel, zip), onnxruntime (onnx), " +
        "or weights that open_clip, timm, DINOv2 and Hugging Face load (safetensors).",
    )
    .addOption(new Option("--format <format>", "what to write").choices([...FORMATS]).makeOptionMandatory())
    .option("--out <path>", "folder to write, for zip a file; default: export/ in the run's folder")
    .option("--mirror", "average the features of each image and its mirror image")
    .addOption(
      new Option(
        "--naming <library>",
        "for safetensors: whose names the tower's weights have; default: open_clip's for a CLIP, dinov2's, timm's for a SigLIP",
      ).choices([...LIBRARIES]),
    )
    .option("--model <name>", "instead of a run, for safetensors: the model of --weights")
    .option("--weights <file>", "instead of a run, for safetensors: a file of prepare-model")
    .option("--overwrite", "replace an export of this format that stands there");
  runs<ExportOptions>(
    command,
    (options, [run]) => (run === undefined ? exportTower(options) : exportTrained(run, options)),
    [
      {
        of: ["--model", "--weights"],
        without: "[run]",
        next: "Give either a run, or --model and --weights.",
      },
      { of: ["--model"], needs: ["--weights"] },
      { of: ["--weights"], needs: ["--model"] },
      { of: ["--naming"], needs: ["--format safetensors"] },
      {
        of: ["--mirror"],
        without: "--format safetensors",
        next: "Leave it out: weights alone average nothing.",
      },
    ],
  );
}

async function exportTrained(run: string, options: ExportOptions): Promise<CommandResult> {
  const { format, mirror, naming, overwrite } = options;
  const out = options.out ?? join(findCheckpoint(run).folder, DEFAULT_NAMES[format]);
  const result = await exportRun({ run, format, out, mirror, naming, overwrite });
  return { text: describe(result), summary: { ...result, format } };
}

function describe({ path, bytes, naming, imagesPerSecond }: ExportResult): string {
  const names = naming ? `, the tower by ${naming}'s names (--naming for others)` : "";
  const size = `${path}: ${(bytes / 1e6).toFixed(1)} MB${names}`;
  if (imagesPerSecond === undefined) return size;
  const hours = COMPETITION_IMAGES / imagesPerSecond / SECONDS_PER_HOUR;
  return (
    `${size}\n${imagesPerSecond.toPrecision(3)} images/s here, one at a time: ` +
    `${hours.toPrecision(2)} h for the competition's ${COMPETITION_IMAGES.toLocaleString("en")} images (it allowed 9 h, on a GPU)`
  );
}

async function exportTower(options: ExportOptions): Promise<CommandResult> {
  const { format, model, weights, naming, out, overwrite = false } = options;
  if (model === undefined || weights === undefined) {
    throw new UserError("Expected a run, or --model and --weights.", "`npx guie runs` lists the runs.");
  }
  if (format !== "safetensors" || out === undefined) {
    throw new UserError(
      `A tower alone is exported as --format safetensors, to a file given by --out; got ${format}, ${out ?? "no --out"}.`,
      "A SavedModel or ONNX file embeds: it needs a run's neck.",
    );
  }
  const written = await exportWeights({ model, weights }, naming, out, { overwrite });
  const { path, tensors, imageSizePx } = written;
  const text = `${path}: ${tensors} tensors by ${written.naming}'s names, for images of ${imageSizePx} px`;
  return { text, summary: { ...written } };
}
