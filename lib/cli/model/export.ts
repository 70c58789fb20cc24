// `guie export`: writes a model as SavedModel, ONNX or weight file.
import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { preset } from "../../config/presets";
import { findModel, MODEL_FORMS, requireRunModel } from "../../embedding/find_model";
import { type ExportResult, exportRun, FORMATS, type Format } from "../../export/export_run";
import { COMPETITION_IMAGES } from "../../export/timing";
import { exportWeights } from "../../export/tower_file";
import { LIBRARIES, type Library } from "../../pretrained/name_families";
import { findCheckpoint } from "../../runs/checkpoint_ref";
import { type CommandResult, runs } from "../shared/command";
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

/** Where a run's export goes unless told: below the run's folder. */
const DEFAULT_NAMES: Record<Format, string> = {
  savedmodel: "export/saved_model",
  zip: "export/submission.zip",
  onnx: "export/onnx",
  safetensors: "export/safetensors",
};

const SECONDS_PER_HOUR = 3600;

/** `guie export MODEL`: a run's model, or a tower alone, for other software. */
export function registerExport(program: Command): void {
  const command = program
    .command("export")
    .argument("[model]", MODEL_FORMS)
    .description(
      "Write a model for other software: the competition's submission (savedmodel, zip), onnxruntime (onnx), or weights " +
        "that open_clip, timm, DINOv2 and Hugging Face load (safetensors). A tower alone leaves as safetensors.",
    )
    .addOption(new Option("--format <format>", "what to write").choices([...FORMATS]).makeOptionMandatory())
    .option(
      "--out <path>",
      "folder to write, for zip and for a tower a file; default: export/ in the run's folder",
    )
    .option("--mirror", "average the features of each image and its mirror image")
    .addOption(
      new Option(
        "--naming <library>",
        "for safetensors: whose names the tower's weights have; default: open_clip's for a CLIP, dinov2's, timm's for a SigLIP",
      ).choices([...LIBRARIES]),
    )
    .option("--overwrite", "replace an export of this format that stands there");
  const word = "a word: guie export MODEL";
  addRenamed(command, "--model <name>", word, "itself");
  addRenamed(command, "--weights <file>", word, "itself");
  runs<ExportOptions>(command, (options, [model]) => exportModel(options, model), [
    {
      of: ["--model", "--weights"],
      without: "[model]",
      next: "Name the model by its word alone.",
    },
    { of: ["--model"], needs: ["--weights"] },
    { of: ["--weights"], needs: ["--model"] },
    { of: ["--naming"], needs: ["--format safetensors"] },
    {
      of: ["--mirror"],
      without: "--format safetensors",
      next: "Leave it out: weights alone average nothing.",
    },
  ]);
}

async function exportModel(options: ExportOptions, model: string | undefined): Promise<CommandResult> {
  const { format, out, weights } = options;
  if (options.model !== undefined && weights !== undefined)
    return exportTower({ model: options.model, weights }, options);
  if (model === undefined)
    throw new UserError("No model is named that is to be exported.", "`npx guie runs` lists the runs.");
  if (format !== "safetensors" || out === undefined) requireRunModel(model, TOWER_ALONE);
  const found = await findModel(model, preset("demo", "frozen"), { onProgress: terminalProgress() });
  if (found.kind === "run") return exportTrained(model, options);
  const { tower } = found.config;
  return exportTower({ model: tower, weights: found.config.weights }, options);
}

/** What holds for a backbone. */
const TOWER_ALONE =
  "It is exported as --format safetensors, to a file given by --out: a SavedModel or ONNX file embeds, and needs a run's neck.";

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

async function exportTower(
  from: { model: string; weights: string },
  { format, naming, out, overwrite = false }: ExportOptions,
): Promise<CommandResult> {
  if (format !== "safetensors" || out === undefined)
    throw new UserError(
      `A tower alone is exported as --format safetensors, to a file given by --out; got ${format}, ${out ?? "no --out"}.`,
      "A SavedModel or ONNX file embeds: it needs a run's neck.",
    );
  const written = await exportWeights(from, naming, out, { overwrite });
  const { path, tensors, imageSizePx } = written;
  const text = `${path}: ${tensors} tensors by ${written.naming}'s names, for images of ${imageSizePx} px`;
  return { text, summary: { ...written } };
}
