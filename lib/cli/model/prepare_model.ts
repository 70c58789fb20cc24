// `guie prepare-model`: fetches a pretrained backbone and stores it with open_clip's names.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { MODEL_NAMES, prepareModel } from "../../pretrained/prepare_model";
import { setAction } from "../shared/command";

interface PrepareOptions {
  model: string;
  from?: string;
  part?: string;
  out: string;
}

/** Registers `guie prepare-model`: the notebook Model_Preparation. */
export function registerPrepareModel(program: Command): void {
  const command = program
    .command("prepare-model")
    .description("Write a pretrained backbone as a safetensors file with open_clip's names.")
    .requiredOption("--model <name>", `one of: ${MODEL_NAMES.join(", ")}`)
    .option(
      "--from <source>",
      "source of the weights: a file (safetensors, PyTorch, .index.json) or a folder with one, an image tower or a whole " +
        "CLIP, with the names of open_clip, timm, DINOv2 or Hugging Face; or hub:owner/name[@revision][/file] of the " +
        "Hugging Face hub (HF_ENDPOINT, HF_TOKEN, HF_HOME as in its own tools) (default: the model's known source)",
    )
    .option(
      "--part <name>",
      "which tower of a file with several (student and teacher, raw weights and EMA), by its prefix or a word of it: " +
        "teacher, state_dict_ema, ema (default: the only one that fits, or a student's teacher)",
    )
    .option("--out <folder>", "folder for the file", "checkpoints");
  setAction(command, async (options: PrepareOptions) => {
    const { model } = options;
    const { path, written, parameters, part } = await prepareModel({
      ...options,
      onProgress: terminalProgress(),
    });
    const millions = (parameters / 1e6).toFixed(1);
    const taken = part
      ? `\nused tower of that file: ${part.taken}; others: ${part.others.join(", ")} (choose with --part)`
      : "";
    return {
      text: written
        ? `${path}: ${model}, ${millions} M parameters${taken}`
        : `${path} exists and is complete: nothing to do${taken}`,
      summary: { path, written, parameters, part },
    };
  });
}
