// Names of the tensors of a run: made here, and taken apart here. Weights are `visual.*` (the tower, under open_clip's
// names), `neck.*` and `head.*`; beside them stand `optimizer.*`, and averages of the weights as `ema.*` and `swa.*`.

/** What stands before the names of the tower's weights, as in open_clip's own checkpoints. */
export const TOWER_PREFIX = "visual.";
const NECK_PREFIX = "neck.";
const HEAD_PREFIX = "head.";

/** What stands before the names of the optimizer's tensors. */
export const OPTIMIZER_PREFIX = "optimizer.";

/** The head's rows, [C K, E]. */
export const HEAD_WEIGHT = "head.weight";

/** The share of the margin that each class has, [C]. */
export const MARGIN_SHARE_NAME = "head.margin_share";

/** The training features' mean and 1/deviation, where the config standardises. */
export const STANDARDISE_NAMES = ["neck.feature_mean", "neck.feature_scale"] as const;

/** What a batch norm has seen so far, for inference. */
export const RUNNING_NAMES = ["neck.norm.running_mean", "neck.norm.running_var"] as const;

/** Weights that no gradient changes. */
export const FIXED_NAMES: readonly string[] = [...STANDARDISE_NAMES, ...RUNNING_NAMES, MARGIN_SHARE_NAME];

/** Weights that no step changes, and no average holds. */
export const CONSTANT_NAMES: readonly string[] = [...STANDARDISE_NAMES, MARGIN_SHARE_NAME];

/** The weights as the last step left them, and their averages over the run. */
export const WEIGHT_KINDS = ["raw", "ema", "swa"] as const;

/** Which weights of a run: `raw` as the last step left them, `ema` and `swa` averaged over steps or epochs. */
export type WeightKind = (typeof WEIGHT_KINDS)[number];

/** Kinds of averages. */
export type Average = Exclude<WeightKind, "raw">;

/** The scalar that counts the steps which changed nothing because gradients overflowed, in float16. */
export const SKIPPED_STEPS = `${OPTIMIZER_PREFIX}skipped_steps`;

/** Returns the name under which a weight (or a prefix of weights) of a kind is stored: `neck.bias`, `ema.neck.bias`. */
export function storedName(kind: WeightKind, name: string): string {
  return kind === "raw" ? name : `${kind}.${name}`;
}

/** Returns the name of the scalar that counts what an average holds; as in PyTorch's `AveragedModel`. */
export function averagedCountOf(kind: WeightKind): string {
  return storedName(kind, "n_averaged");
}

/** Returns the name of a weight's first moment; named as in PyTorch's AdamW. */
export function firstMomentOf(name: string): string {
  return `${OPTIMIZER_PREFIX}exp_avg.${name}`;
}

/** Returns the name of a weight's second moment. */
export function secondMomentOf(name: string): string {
  return `${OPTIMIZER_PREFIX}exp_avg_sq.${name}`;
}

/** Returns the name of the sum of a weight's gradients while a batch goes through in pieces. */
export function accumulatedOf(name: string): string {
  return `${OPTIMIZER_PREFIX}grad.${name}`;
}

/** What stands before a weight's name in the names of its moments and averages. */
const BESIDE = [firstMomentOf(""), secondMomentOf(""), storedName("ema", ""), storedName("swa", "")];

/** Returns the weight that a tensor is, or is a moment or an average of: `ema.head.weight` -> `head.weight`. */
export function weightOf(name: string): string {
  return name.slice(BESIDE.find((prefix) => name.startsWith(prefix))?.length ?? 0);
}

/** Says whether a tensor is the optimizer's. */
export function isOfOptimizer(name: string): boolean {
  return name.startsWith(OPTIMIZER_PREFIX);
}

/** Says whether a tensor is a weight, and not the optimizer's or an average. */
export function isWeight(name: string): boolean {
  return !isOfOptimizer(name) && weightOf(name) === name;
}

/** Says whether a tensor is a weight of the tower. */
export function isOfTower(name: string): boolean {
  return name.startsWith(TOWER_PREFIX);
}

/** Says whether a tensor is a weight of the neck. */
export function isOfNeck(name: string): boolean {
  return name.startsWith(NECK_PREFIX);
}

/** Says whether a tensor belongs to the head: one of its weights, their moments and averages. */
export function isOfHead(name: string): boolean {
  return weightOf(name).startsWith(HEAD_PREFIX);
}

/** Says whether a tensor can be shared out over processes: the rows of the head, their moments and averages. */
export function isSharded(name: string): boolean {
  return weightOf(name) === HEAD_WEIGHT;
}

/** Returns a tower weight's own name: `visual.conv1.weight` -> `conv1.weight`. */
export function nameInTower(name: string): string {
  return name.slice(TOWER_PREFIX.length);
}

/** Returns what stands before the names of a block's weights in a tower, without the dot. @param block from 0 */
export function blockName(block: number): string {
  return `transformer.resblocks.${block}`;
}

const IN_BLOCK = /^transformer\.resblocks\.(\d+)\./;
const BEFORE_BLOCKS = /^(conv1\.|class_embedding$|positional_embedding$|register_tokens$|ln_pre\.)/;

/**
 * Returns the place of a weight in the tower: before its blocks, in the block of that number, or after them; undefined
 * for neck and head.
 */
export function placeInTower(name: string): "before" | number | "after" | undefined {
  if (!isOfTower(name)) return undefined;
  const own = nameInTower(name);
  const block = IN_BLOCK.exec(own)?.[1];
  if (block !== undefined) return Number(block);
  return BEFORE_BLOCKS.test(own) ? "before" : "after";
}
