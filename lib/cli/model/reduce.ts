// `guie reduce`: compares shorter forms of the backbone's features.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { textTable } from "../../common/text_table";
import { MODEL_FORMS } from "../../embedding/find_model";
import { scoredOnHeldOut } from "../../experiments/ladder";
import { compareReductions, REDUCTION_KINDS } from "../../experiments/reduce";
import { comparisonTable, trainedOnNote } from "../../retrieval/comparison_table";
import { ALL_DATASETS } from "../../retrieval/evaluation";
import { writeReduction } from "../../retrieval/reduction_file";
import { scoredOnText } from "../../runs/scored_on";
import { type CommandResult, setAction } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";
import { addRenamed } from "../shared/renamed";
import { addHeldOutFlags, type HeldOutOptions, heldOutConfig } from "./held_out";

interface ReduceOptions extends HeldOutOptions {
  dimensions: string;
  out?: string;
  kind: string;
}

/** Registers `guie reduce`: PCA, whitening and random projection of the backbone's features against learned necks. */
export function registerReduce(program: Command): void {
  const command = program
    .command("reduce")
    .argument("[model...]", `models to compare the reductions with: ${MODEL_FORMS}`)
    .description(
      "Shorten the backbone's features by PCA, whitening or random projection, fitted on training images, and compare them.",
    );
  addHeldOutFlags(command);
  command
    .option("--dimensions <n>", "length of a reduced vector", "64")
    .option("--out <file>", "write one reduction as safetensors (mean, matrix)")
    .option("--kind <kind>", `with --out: ${REDUCTION_KINDS.join(", ")}`, "pca");
  addRenamed(command, "--run <name...>", "a word: guie reduce MODEL...", "words");
  setAction<ReduceOptions>(command, reduce, [{ options: ["--kind"], needs: ["--out"] }]);
}

async function reduce(options: ReduceOptions, models: readonly string[]): Promise<CommandResult> {
  const out = options.out && projectPath(options.out);
  const dimensions = wholeNumberOf("--dimensions", options.dimensions, 1);
  const kind = REDUCTION_KINDS.find((known) => known === options.kind);
  if (!kind) throw new UserError(`--kind is one of ${REDUCTION_KINDS.join(", ")}; got "${options.kind}".`);
  if (out && existsSync(out))
    throw new UserError(`${out} is there already.`, "Choose another name, or delete it.");
  const config = heldOutConfig(options);
  const compared = await compareReductions(config, dimensions, models, { onProgress: terminalProgress() });
  if (out) await writeReduction(out, compared.reductions[kind]);
  const rows = compared.rows.filter(({ dataset }) => dataset === ALL_DATASETS);
  const cells = comparisonTable(rows);
  const table = textTable(Object.keys(cells[0]!), cells.map(Object.values));
  const written = out ? `\n${kind}: ${out}` : "";
  const on = scoredOnText(await scoredOnHeldOut(config));
  return {
    text: `${table}\n${on}${trainedOnNote(rows)}${written}`,
    summary: { rows, path: out },
  };
}
