// `guie export`: writes a model as SavedModel, ONNX or weight file.
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { preset } from "../../config/presets";
import { type FoundModel, findModel, MODEL_FORMS } from "../../embedding/find_model";
import { type ExportResult, exportRun, FORMATS, type Format } from "../../export/export_run";
import { COMPETITION_IMAGES } from "../../export/timing";
import { exportWeights } from "../../export/tower_file";
import { LIBRARIES, type Library } from "../../pretrained/name_families";
import { type CommandResult, setAction } from "../shared/command";
import { addRenamed } from "../shared/renamed";

interface ExportOptions {
  format: Format;
  out?: string;
  mirror?: boolean;
  naming?: Library;
  overwrite?: boolean;
  model?: string;
  weights?: string;
}

/** Default outputs, relative to the folder of a run, whitened or LDA model. */
const DEFAULT_NAMES: Record<Format, string> = {
  savedmodel: "export/saved_model",
  zip: "export/submission.zip",
  onnx: "export/onnx",
  safetensors: "export/safetensors",
};

const SECONDS_PER_HOUR = 3600;

/** Registers `guie export MODEL`: a run's model, or a tower alone, for other software. */
export function registerExport(program: Command): void {
  const command = program
    .command("export")
    .argument("[model]", MODEL_FORMS)
    .description(
      "Write a model for other software: the competition's submission (savedmodel, zip), onnxruntime (onnx), or weights " +
        "that open_clip, timm, DINOv2 and Hugging Face load (safetensors).",
    )
    .addOption(new Option("--format <format>", "format to write").choices([...FORMATS]).makeOptionMandatory())
    .option(
      "--out <path>",
      "folder to write; a file for zip, and for a tower's safetensors (default: export/ in the model's folder; exports/TOWER/ " +
        "for a tower)",
    )
    .option("--mirror", "average the features of each image and its mirror image")
    .addOption(
      new Option(
        "--naming <library>",
        "for safetensors: library whose tensor names to use (default: open_clip for CLIP, dinov2 for DINOv2, timm for SigLIP)",
      ).choices([...LIBRARIES]),
    )
    .option("--overwrite", "replace an earlier export of this format");
  const word = "a word: guie export MODEL";
  addRenamed(command, "--model <name>", word, "itself");
  addRenamed(command, "--weights <file>", word, "itself");
  setAction<ExportOptions>(command, (options, [model]) => exportModel(options, model), [
    {
      options: ["--model", "--weights"],
      without: "[model]",
      next: "Give only the word.",
    },
    { options: ["--model"], needs: ["--weights"] },
    { options: ["--weights"], needs: ["--model"] },
    { options: ["--naming"], needs: ["--format safetensors"] },
    {
      options: ["--mirror"],
      without: "--format safetensors",
      next: "Leave it out: a file of weights averages nothing.",
    },
  ]);
}

async function exportModel(options: ExportOptions, model: string | undefined): Promise<CommandResult> {
  const { format, out, weights } = options;
  if (options.model !== undefined && weights !== undefined)
    return exportTower({ model: options.model, weights }, options);
  if (model === undefined)
    throw new UserError("No model to export is given.", "`npx guie runs` lists the runs.");
  const found = await findModel(model, preset("demo", "frozen"), { onProgress: terminalProgress() });
  if (found.kind === "backbone" && format === "safetensors" && out !== undefined) {
    const { tower, weights } = found.config;
    return exportTower({ model: tower, weights }, options);
  }
  const { mirror, naming, overwrite } = options;
  const path = out ?? defaultOut(found, format);
  const result = await exportRun({ run: model, format, out: path, mirror, naming, overwrite });
  return { text: describe(result), summary: { ...result, format } };
}

function defaultOut(found: FoundModel, format: Format): string {
  const name = DEFAULT_NAMES[format];
  if (found.kind === "backbone") return join("exports", found.config.tower, basename(name));
  return join(found.kind === "run" ? found.checkpoint.folder : found.model.folder, name);
}

function describe({ path, files, input, output, naming, imagesPerSecond }: ExportResult): string {
  const names = naming ? `; the tower by ${naming}'s names (--naming for others)` : "";
  const sizes = files.map(({ name, bytes }) =>
    name === basename(path) ? sizeText(bytes) : `${name} ${sizeText(bytes)}`,
  );
  const lines = [
    `${path}: ${sizes.join(", ")}${names}`,
    ...(input === undefined ? [] : [`input:  ${input}`, `output: ${output}`]),
  ];
  if (imagesPerSecond !== undefined) {
    const hours = COMPETITION_IMAGES / imagesPerSecond / SECONDS_PER_HOUR;
    const images = COMPETITION_IMAGES.toLocaleString("en");
    lines.push(
      `${imagesPerSecond.toPrecision(3)} images/s here, one at a time: ${hours.toPrecision(2)} h for the competition's ${images} images (it allowed 9 h, on a GPU)`,
    );
  }
  return lines.join("\n");
}

/** Formats a file's size: "84.4 MB", "3 KB". */
function sizeText(bytes: number): string {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} KB`;
}

async function exportTower(
  from: { model: string; weights: string },
  { format, naming, out, overwrite = false }: ExportOptions,
): Promise<CommandResult> {
  if (format !== "safetensors" || out === undefined)
    throw new UserError(
      `A tower alone can only be exported as --format safetensors to a file given by --out; got ${format}, ${out ?? "no --out"}.`,
      "For a SavedModel or ONNX file, export a trained run: it needs a neck.",
    );
  const written = await exportWeights(from, naming, out, { overwrite });
  const { path, tensors, imageSizePx } = written;
  const text = `${path}: ${tensors} tensors by ${written.naming}'s names, for images of ${imageSizePx} px`;
  return { text, summary: { ...written } };
}
