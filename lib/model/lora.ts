// Low-rank adapters: a trained product of two narrow matrices is added to each weight matrix of a tower's blocks, which
// stays as it is. Hu et al., "LoRA", ICLR 2022, https://arxiv.org/abs/2106.09685; peft: `LoraConfig(r, lora_alpha)`.
// Shapes: W [O, I] a block's matrix (query, key and value are one), A [r, I], B [O, r].
import { randomStream } from "../common/random";
import type { AdapterSettings } from "../config/parts";
import { tf } from "../engine/native/tf";
import { scope } from "../engine/tracing/scope";
import type { Weights } from "./named_layers";
import type { Tower } from "./tower";
import { towerShapes } from "./towers";
import { adaptersOf, blockIn, isAdapter } from "./weight_names";
import type { WeightSource } from "./weight_source";

type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * Returns names (in the tower) and shapes of the adapters, A and B of each matrix of the last `trainedBlocks` blocks
 * (0 = all); none if the rank is 0.
 */
export function adapterShapes(tower: Tower, { loraRank, trainedBlocks }: AdapterSettings): Shapes {
  const first = trainedBlocks === 0 ? 0 : tower.layers - trainedBlocks;
  const shapes = new Map<string, readonly number[]>();
  for (const [name, shape] of towerShapes(tower)) {
    const block = blockIn(name);
    if (loraRank === 0 || block === undefined || block < first || shape.length !== 2) continue;
    const [outputs, inputs] = shape as [number, number];
    const [a, b] = adaptersOf(name);
    shapes.set(a, [loraRank, inputs]).set(b, [outputs, loraRank]);
  }
  return shapes;
}

/**
 * Returns fresh adapters, which change nothing at first: A uniform within 1 / sqrt(I) (PyTorch's
 * `kaiming_uniform_(A, a=sqrt(5))`, as in peft), B zero.
 */
export function freshAdapters(tower: Tower, config: AdapterSettings, seed: number): WeightSource {
  const shapes = adapterShapes(tower, config);
  return {
    shapes,
    write: (name, memory) => {
      if (name.endsWith(adaptersOf("")[1])) return void memory.fill(0);
      const random = randomStream(seed, "adapters", name);
      const bound = 1 / Math.sqrt(shapes.get(name)![1]!);
      for (let i = 0; i < memory.length; i++) memory[i] = bound * (2 * random.uniform() - 1);
    },
    close: () => {},
  };
}

/** Returns W + alpha / r x B A. */
function mergedMatrix(W: tf.Tensor, A: tf.Tensor, B: tf.Tensor, alpha: number): tf.Tensor {
  return tf.add(W, tf.matMul(tf.mul<tf.Tensor2D>(B, alpha / A.shape[0]!), A as tf.Tensor2D));
}

/**
 * Returns ordinary weights: each matrix with its adapters merged into it. Differentiable; without adapters the weights
 * are returned as they are.
 * @param alpha the setting `loraAlpha`
 */
export function mergeAdapters(weights: Weights, alpha: number | undefined): Weights {
  const names = Object.keys(weights).filter((name) => !isAdapter(name));
  if (names.length === Object.keys(weights).length) return weights;
  if (alpha === undefined) throw new Error("adapters are merged by loraAlpha: it was not given");
  const merged = names.map((name) => {
    const [A, B] = adaptersOf(name).map((adapter) => weights[adapter]);
    const W = weights[name]!;
    return [name, A && B ? scope("lora", () => mergedMatrix(W, A, B, alpha)) : W] as const;
  });
  return Object.fromEntries(merged);
}

/** Returns a source of ordinary weights, with adapters merged; closing it closes the given one. */
export function mergedSource(source: WeightSource, alpha: number): WeightSource {
  const { shapes, close } = source;
  const read = (name: string): tf.Tensor => {
    const shape = shapes.get(name)!;
    const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
    source.write(name, values);
    return tf.tensor(values, [...shape]);
  };
  return {
    shapes: new Map([...shapes].filter(([name]) => !isAdapter(name))),
    write: (name, memory) => {
      const [a, b] = adaptersOf(name);
      if (!shapes.has(a)) return source.write(name, memory);
      tf.tidy(() => memory.set(mergedMatrix(read(name), read(a), read(b), alpha).dataSync() as Float32Array));
    },
    close,
  };
}
