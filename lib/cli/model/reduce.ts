// `guie reduce`: compares shorter forms of the backbone's features.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { textTable } from "../../common/text_table";
import { overrideConfig } from "../../config/config";
import { preset } from "../../config/presets";
import { scoredOnHeldOut } from "../../experiments/ladder";
import { compareReductions, REDUCTION_KINDS } from "../../experiments/reduce";
import { comparisonTable, trainedOnNote } from "../../retrieval/comparison_table";
import { ALL_DATASETS } from "../../retrieval/evaluation";
import { type ReductionKind, writeReduction } from "../../retrieval/reduction";
import { scoredOnText } from "../../runs/scored_on";
import { type CommandResult, runs } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";

interface ReduceOptions {
  configName: string;
  dataDir?: string;
  dimensions: string;
  run?: string[];
  out?: string;
  kind: string;
}

/** `guie reduce`: PCA, whitening and a random projection of the backbone's features against learned necks. */
export function registerReduce(program: Command): void {
  const command = program
    .command("reduce")
    .description(
      "PCA, whitening and random projection of the backbone's features, fitted on training images.",
    )
    .option("--config-name <preset>", "preset that names backbone, size and data directory", "demo")
    .option("--data-dir <dir>", "folder with the pipeline's files")
    .option("--dimensions <n>", "numbers a vector afterwards", "64")
    .option("--run <name...>", "trained runs to compare with")
    .option("--out <file>", "write one of the reductions as safetensors (mean, matrix)")
    .option("--kind <kind>", `with --out: ${REDUCTION_KINDS.join(", ")}`, "pca");
  runs<ReduceOptions>(command, reduce, [{ of: ["--kind"], needs: ["--out"] }]);
}

async function reduce(options: ReduceOptions): Promise<CommandResult> {
  const { run } = options;
  const out = options.out && projectPath(options.out);
  const dimensions = wholeNumberOf("--dimensions", options.dimensions, 1);
  const kind = REDUCTION_KINDS.find((known) => known === options.kind) as ReductionKind | undefined;
  if (!kind) throw new UserError(`--kind is one of ${REDUCTION_KINDS.join(", ")}; got "${options.kind}".`);
  if (out && existsSync(out))
    throw new UserError(`${out} is there already.`, "Choose another name, or delete it.");
  const config = overrideConfig(
    preset(options.configName, "frozen"),
    options.dataDir ? { dataDir: options.dataDir } : {},
  );
  const compared = await compareReductions(config, dimensions, run, { onProgress: terminalProgress() });
  if (out) await writeReduction(out, compared.reductions[kind]);
  const rows = compared.rows.filter(({ dataset }) => dataset === ALL_DATASETS);
  const cells = comparisonTable(rows);
  const table = textTable(Object.keys(cells[0]!), cells.map(Object.values));
  const written = out ? `\n${kind}: ${out}` : "";
  const on = scoredOnText(await scoredOnHeldOut(config.dataDir));
  return {
    text: `${table}\n${on}${trainedOnNote(rows)}${written}`,
    summary: { rows, path: out },
  };
}
