// `guie prepare-model`: fetches a pretrained backbone and stores it under this project's names.
import type { Command } from "commander";
import { terminalProgress } from "../../common/progress";
import { MODEL_NAMES, prepareModel } from "../../pretrained/prepare_model";
import { runs } from "../shared/command";

interface PrepareOptions {
  model: string;
  from?: string;
  part?: string;
  out: string;
}

/** `guie prepare-model`: the notebook Model_Preparation. */
export function registerPrepareModel(program: Command): void {
  const command = program
    .command("prepare-model")
    .description("Write a pretrained backbone as a safetensors file with open_clip's names.")
    .requiredOption("--model <name>", `one of: ${MODEL_NAMES.join(", ")}`)
    .option(
      "--from <source>",
      "its weights: a file (safetensors, PyTorch's, .index.json) or a folder with one, the image tower alone or a whole CLIP, under " +
        "the names of open_clip, timm, DINOv2 or Hugging Face; or hub:owner/name[@revision][/file] of the Hugging Face " +
        "hub (HF_ENDPOINT, HF_TOKEN, HF_HOME as in its own tools); without it, where the model's weights are known to be",
    )
    .option(
      "--part <name>",
      "of a file with several towers (student and teacher, raw weights and EMA) the one that is meant, by its prefix " +
        "or a word of it: teacher, state_dict_ema, ema; without it: the only one that fits, or a student's teacher",
    )
    .option("--out <folder>", "folder for the file", "checkpoints");
  runs(command, async (options: PrepareOptions) => {
    const { model } = options;
    const { path, written, parameters, part } = await prepareModel({
      ...options,
      onProgress: terminalProgress(),
    });
    const millions = (parameters / 1e6).toFixed(1);
    const taken = part
      ? `\nof the towers in that file: ${part.taken}; there are also ${part.others.join(", ")} (--part chooses)`
      : "";
    return {
      text: written
        ? `${path}: ${model}, ${millions} M parameters${taken}`
        : `${path} is there and whole: nothing to do${taken}`,
      summary: { path, written, parameters, part },
    };
  });
}
