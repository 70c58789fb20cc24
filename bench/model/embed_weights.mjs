// Random weights for both sides of `npm run bench embed`, the same in every process.
import { randomStream } from "guie/dist/common/random.js";
import { vit224 } from "guie/dist/config/presets.js";
import { tf } from "guie/dist/engine/native/tf.js";
import { initialHeadValues } from "guie/dist/model/head.js";
import { neckShapes } from "guie/dist/model/neck.js";
import { freshTower } from "guie/dist/model/tower_weights.js";
import { findTower } from "guie/dist/model/towers.js";
import { fromTensors } from "guie/dist/model/weight_source.js";

/** Returns the model of a case. */
export function modelOf({ tower: name, imageSizePx }) {
  const tower = findTower(name);
  const config = { ...vit224(), tower: name, imageSize: imageSizePx };
  const visual = freshTower(tower, randomStream(1, "bench"), imageSizePx);
  const shapes = neckShapes(config, tower.width);
  const values = Object.entries(initialHeadValues(shapes, randomStream(2, "bench")));
  const neck = fromTensors(
    Object.fromEntries(values.map(([key, data]) => [key, tf.tensor(data, shapes[key])])),
  );
  return { tower, config, visual, neck };
}

/** Returns normalised pixels of a batch, flat. */
export function pixelsOf({ batch, imageSizePx }) {
  const random = randomStream(3, "bench");
  return Float32Array.from({ length: batch * imageSizePx ** 2 * 3 }, () => random.normal());
}
