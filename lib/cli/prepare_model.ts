import type { Command } from "commander";
import { MODEL_NAMES, prepareModel } from "../checkpoints/prepare_model";
import { terminalProgress } from "../common/progress";
import { runs } from "./command";

/** `guie prepare-model`: the notebook Model_Preparation. */
export function registerPrepareModel(program: Command): void {
  const command = program
    .command("prepare-model")
    .description("Write a pretrained backbone as a safetensors file with open_clip's names.")
    .requiredOption("--model <name>", `one of: ${MODEL_NAMES.join(", ")}`)
    .option(
      "--from <source>",
      "its weights: a file (.safetensors, .pt, .pth, .bin, .index.json), the image tower alone or a whole CLIP, under " +
        "the names of open_clip, timm, DINOv2 or Hugging Face; or hub:owner/name[@revision][/file] of the Hugging Face " +
        "hub (HF_ENDPOINT, HF_TOKEN, HF_HOME as in its own tools); without it, where the model's weights are known to be",
    )
    .option("--out <folder>", "folder for the file", "checkpoints");
  runs(command, async ({ model, from, out }: { model: string; from?: string; out: string }) => {
    const { path, written, parameters } = await prepareModel({
      model,
      from,
      out,
      onProgress: terminalProgress(),
    });
    const millions = (parameters / 1e6).toFixed(1);
    return {
      text: written
        ? `${path}: ${model}, ${millions} M parameters`
        : `${path} is there and whole: nothing to do`,
      summary: { path, written, parameters },
    };
  });
}
