// Names of a run's tensors, composed and parsed only here. Weights are `visual.*` (the tower, under open_clip's names),
// `neck.*` and `head.*`; other tensors are `optimizer.*`, and averages of the weights, `ema.*` and `swa.*`.

/** Prefix of the tower's weights, as in open_clip's own checkpoints. */
export const TOWER_PREFIX = "visual.";
const NECK_PREFIX = "neck.";
const HEAD_PREFIX = "head.";

/** Prefix of the optimizer's tensors. */
export const OPTIMIZER_PREFIX = "optimizer.";

/** Name of the head's rows, [C K, E]. */
export const HEAD_WEIGHT = "head.weight";

/** Name of the classes' shares of the margin, [C]. */
export const MARGIN_SHARE_NAME = "head.margin_share";

/** Name of the numbers of the classes' data sets, [C], if each data set has a head of its own. */
export const DATA_SET_NAME = "head.data_set";

/** Names of the training features' mean and 1 / standard deviation, if the config standardises. */
export const STANDARDISE_NAMES = ["neck.feature_mean", "neck.feature_scale"] as const;

/** Names of the mean [F] and the matrix [F, d] of a map that was fitted to a model's vectors (`Reduction`). */
export const TRANSFORM_NAMES = ["transform.mean", "transform.matrix"] as const;

/** Names of a batch norm's running statistics, for inference. */
export const RUNNING_NAMES = ["neck.norm.running_mean", "neck.norm.running_var"] as const;

/** Names of the weights that no gradient changes. */
export const FIXED_NAMES: readonly string[] = [
  ...STANDARDISE_NAMES,
  ...RUNNING_NAMES,
  MARGIN_SHARE_NAME,
  DATA_SET_NAME,
];

/** Names of the weights that no step changes and no average holds. */
export const CONSTANT_NAMES: readonly string[] = [...STANDARDISE_NAMES, MARGIN_SHARE_NAME, DATA_SET_NAME];

/** Kinds of weights: those of the last step, and their averages over the run. */
export const WEIGHT_KINDS = ["raw", "ema", "swa"] as const;

/** A kind of weights: `raw` are those of the last step, `ema` and `swa` averages over steps or epochs. */
export type WeightKind = (typeof WEIGHT_KINDS)[number];

/** A kind of average. */
export type Average = Exclude<WeightKind, "raw">;

/** Name of the scalar that counts skipped steps, whose gradients overflowed in float16. */
export const SKIPPED_STEPS = `${OPTIMIZER_PREFIX}skipped_steps`;

/** Returns the name under which a weight (or a prefix of weights) of a kind is stored: `neck.bias`, `ema.neck.bias`. */
export function storedName(kind: WeightKind, name: string): string {
  return kind === "raw" ? name : `${kind}.${name}`;
}

/** Returns the name of the scalar that counts an average's terms, as in PyTorch's `AveragedModel`. */
export function averagedCountOf(kind: WeightKind): string {
  return storedName(kind, "n_averaged");
}

/** Returns the name of a weight's first moment, as in PyTorch's AdamW. */
export function firstMomentOf(name: string): string {
  return `${OPTIMIZER_PREFIX}exp_avg.${name}`;
}

/** Returns the name of a weight's second moment, as in PyTorch's AdamW. */
export function secondMomentOf(name: string): string {
  return `${OPTIMIZER_PREFIX}exp_avg_sq.${name}`;
}

/** Returns the name of a weight's accumulated gradient, while a batch is computed in pieces. */
export function accumulatedOf(name: string): string {
  return `${OPTIMIZER_PREFIX}grad.${name}`;
}

const [ADAPTER_A, ADAPTER_B] = [".lora_A", ".lora_B"];

/** Returns the names of a matrix's low-rank adapters, A and B. */
export function adaptersOf(name: string): [a: string, b: string] {
  return [name + ADAPTER_A, name + ADAPTER_B];
}

/** Returns true for low-rank adapters. */
export function isAdapter(name: string): boolean {
  return name.endsWith(ADAPTER_A) || name.endsWith(ADAPTER_B);
}

/** Prefixes of a weight's moments and averages. */
const DERIVED_PREFIXES = [
  firstMomentOf(""),
  secondMomentOf(""),
  storedName("ema", ""),
  storedName("swa", ""),
];

/** Returns the name of the weight that a tensor belongs to: `ema.head.weight`, `head.weight` -> `head.weight`. */
export function weightOf(name: string): string {
  return name.slice(DERIVED_PREFIXES.find((prefix) => name.startsWith(prefix))?.length ?? 0);
}

/** Returns true for the optimizer's tensors. */
export function isOfOptimizer(name: string): boolean {
  return name.startsWith(OPTIMIZER_PREFIX);
}

/** Returns true for weights, false for the optimizer's tensors and averages. */
export function isWeight(name: string): boolean {
  return !isOfOptimizer(name) && weightOf(name) === name;
}

/** Returns true for weights of the tower. */
export function isOfTower(name: string): boolean {
  return name.startsWith(TOWER_PREFIX);
}

/** Returns true for weights of the neck. */
export function isOfNeck(name: string): boolean {
  return name.startsWith(NECK_PREFIX);
}

/** Returns true for tensors of the head: its weights, their moments and averages. */
export function isOfHead(name: string): boolean {
  return weightOf(name).startsWith(HEAD_PREFIX);
}

/** Returns true for tensors that can be sharded over processes: the head's rows, their moments and averages. */
export function isSharded(name: string): boolean {
  return weightOf(name) === HEAD_WEIGHT;
}

/** Returns a weight's name within the tower: `visual.conv1.weight` -> `conv1.weight`. */
export function nameInTower(name: string): string {
  return name.slice(TOWER_PREFIX.length);
}

/** Returns the prefix of a block's weights within a tower, without the dot. @param block from 0 */
export function blockName(block: number): string {
  return `transformer.resblocks.${block}`;
}

const IN_BLOCK = /^transformer\.resblocks\.(\d+)\./;
const BEFORE_BLOCKS = /^(conv1\.|class_embedding$|positional_embedding$|register_tokens$|ln_pre\.)/;

/** Returns the number of a weight's block, by its name within the tower; undefined outside of the blocks. */
export function blockIn(inTower: string): number | undefined {
  const block = IN_BLOCK.exec(inTower)?.[1];
  return block === undefined ? undefined : Number(block);
}

/**
 * Returns the place of a weight in the tower: before the blocks, the number of its block, or after the blocks;
 * undefined for neck and head.
 */
export function placeInTower(name: string): "before" | number | "after" | undefined {
  if (!isOfTower(name)) return undefined;
  const inTower = nameInTower(name);
  return blockIn(inTower) ?? (BEFORE_BLOCKS.test(inTower) ? "before" : "after");
}
