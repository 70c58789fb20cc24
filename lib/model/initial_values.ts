// Initial values of a tower's weights.
import type { RandomStream } from "../common/random";
import type { Tower } from "./tower";
import { mlpWidth } from "./towers";

/** A rule for values: uniform in +-uniform, normal with that standard deviation, or constant. */
type Rule = { uniform: number } | { normal: number } | { constant: number };

/** LayerScale's initial value in DINOv2 and open_clip. */
const LAYER_SCALE = 1e-5;

/**
 * Returns the initial values of one tensor of a tower, as open_clip's `VisionTransformer` draws them: linear layers and
 * patch embedding by PyTorch's default (uniform within 1 / sqrt(inputs)), the joint projection of query, key and value
 * Xavier uniform with a bias of zero, embeddings and registers normal with standard deviation 1 / sqrt(D).
 * @param shape of the tensor
 * @returns float32 of that shape, flat
 */
export function initialValues(
  tower: Tower,
  name: string,
  shape: readonly number[],
  random: RandomStream,
): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  const rule = initialRule(tower, name);
  if ("constant" in rule) return new Float32Array(length).fill(rule.constant);
  if ("normal" in rule) return Float32Array.from({ length }, () => rule.normal * random.normal());
  return Float32Array.from({ length }, () => rule.uniform * (2 * random.uniform() - 1));
}

function initialRule(tower: Tower, name: string): Rule {
  const { width, patchSizePx } = tower;
  const linear = (inputs: number): Rule => ({ uniform: 1 / Math.sqrt(inputs) });
  const rules: [RegExp, Rule][] = [
    [/embedding$|^proj$|^register_tokens$|latent$/, { normal: 1 / Math.sqrt(width) }],
    [/^conv1\./, linear(3 * patchSizePx ** 2)],
    [/(ln_\w+|norm)\.weight$/, { constant: 1 }],
    [/in_proj_weight$/, { uniform: Math.sqrt(6 / (width + 3 * width)) }],
    [/out_proj\.weight$/, linear(width)],
    [/mlp\.(c_fc|w12|fc1)\./, linear(width)],
    [/mlp\.(c_proj|w3|fc2)\./, linear(mlpWidth(tower))],
    [/^attn_pool\.(q|kv|proj)\./, linear(width)],
    [/gamma$/, { constant: LAYER_SCALE }],
    [/bias$/, { constant: 0 }],
  ];
  const found = rules.find(([pattern]) => pattern.test(name));
  if (!found) throw new Error(`no rule for the initial values of ${name}`);
  return found[1];
}
