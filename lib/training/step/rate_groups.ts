// The rates of a step: weights that share a learning rate are a group, and a graph takes two numbers for each group.
import type { GroupSettings } from "../../config/optimiser";
import type { tf } from "../../engine/native/tf";
import type { TensorSpec } from "../../engine/program/specs";
import { isOfTower, placeInTower } from "../../model/weight_names";
import { type AdamRates, adamRates } from "./optimizer";
import type { LearningRates } from "./rates";

/** Weights that share a learning rate. */
export interface RateGroup {
  part: keyof LearningRates;
  /** Learning rate / that of the part. */
  share: number;
}

/** The numbers that a step's graph takes for its groups, by name; scalars. */
export type StepRates<T> = Readonly<Record<string, T>>;

/**
 * Returns the group of each weight. Neck and head are one; the backbone is one, or with `layerDecay` below 1 one for
 * each of its layers: the share is `layerDecay` to the power of the number of layers above it.
 * @param names weights of a whole model: its blocks are counted
 * @see timm `param_groups_layer_decay`, open_clip `--lr-layer-decay`: patches, class token and positions are the layer
 *   before the first block, `ln_post` the one after the last
 */
export function rateGroups(
  names: readonly string[],
  { layerDecay }: Pick<GroupSettings, "layerDecay">,
): Map<string, RateGroup> {
  const blocks = 1 + Math.max(-1, ...names.map(placeInTower).filter((place) => typeof place === "number"));
  const known = new Map<string, RateGroup>();
  return new Map(
    names.map((name) => {
      const part = isOfTower(name) ? "backbone" : "head";
      const group = { part, share: layerDecay ** layersAbove(name, blocks) } as const;
      const key = `${group.part} ${group.share}`;
      if (!known.has(key)) known.set(key, group);
      return [name, known.get(key)!];
    }),
  );
}

/** Returns the number of the tower's layers above a weight's; 0 for neck and head. */
function layersAbove(name: string, blocks: number): number {
  const place = placeInTower(name);
  if (place === undefined || place === "after") return 0;
  return place === "before" ? blocks + 1 : blocks - place;
}

/** Returns the input specs of the rates of some groups. */
export function rateSpecs(groups: readonly RateGroup[]): Record<string, TensorSpec> {
  const names = groups.flatMap((_group, i) => [`stepSize${i}`, `keep${i}`]);
  return Object.fromEntries(["epsilon", ...names].map((name) => [name, { shape: [] }]));
}

/**
 * Returns the numbers that `rateSpecs` declares.
 * @param step from 1, for the bias corrections; steps that changed nothing do not count (`stepsApplied`)
 */
export function groupRates(
  groups: readonly RateGroup[],
  step: number,
  rates: LearningRates,
  config: GroupSettings,
): StepRates<number> {
  const ofGroups = groups.map(({ part, share }) => adamRates(step, rates[part] * share, config));
  const { epsilon } = adamRates(step, 0, config);
  const numbers = ofGroups.flatMap(({ stepSize, keep }, i) => [
    [`stepSize${i}`, stepSize] as const,
    [`keep${i}`, keep] as const,
  ]);
  return { epsilon, ...Object.fromEntries(numbers) };
}

/** Returns AdamW's rates of the i-th group, out of a graph's inputs. */
export function ratesOfGroup(fed: StepRates<tf.Scalar>, i: number): AdamRates<tf.Scalar> {
  return { epsilon: fed.epsilon!, stepSize: fed[`stepSize${i}`]!, keep: fed[`keep${i}`]! };
}
