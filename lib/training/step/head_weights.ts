// Reads neck and head out of the session.
import { tf } from "../../engine/native/tf";
import type { Weights } from "../../model/vit";
import { isOfTower, isWeight, storedName, type WeightKind } from "../../model/weight_names";
import type { StoredModel } from "../../runs/store";

/**
 * Reads the current neck and head of a model as tensors; the caller disposes of them.
 * @param kind the raw weights, or an average; weights that are never averaged are the raw ones
 */
export async function readHeadWeights({ program, shapes }: StoredModel, kind: WeightKind): Promise<Weights> {
  const names = [...shapes.keys()].filter((name) => isWeight(name) && !isOfTower(name));
  const nameOf = new Map(
    names.map((name) => {
      const average = storedName(kind, name);
      return [shapes.has(average) ? average : name, name];
    }),
  );
  const weights: Weights = {};
  await program.viewAll(nameOf.keys(), (stored, memory) => {
    const name = nameOf.get(stored)!;
    weights[name] = tf.tensor(Float32Array.from(memory as Float32Array), [...shapes.get(name)!]);
  });
  return weights;
}
