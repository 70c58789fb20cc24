// Random weights for our side of training benchmarks, the same in every process.

import { tf } from "guie/dist/engine/native/tf.js";
import { headShapes, initialHeadValues } from "guie/dist/model/head.js";
import { freshTower } from "guie/dist/model/tower_weights.js";
import { TOWER_PREFIX } from "guie/dist/model/weight_names.js";
import { fromTensors, joinSources, withPrefix } from "guie/dist/model/weight_source.js";

/** Returns tower, neck and head for `featureCount` features and `classes` classes, as a source that fills a program. */
export function freshModel(tower, config, { imageSizePx, featureCount, classes }, random) {
  const shapes = headShapes(config, featureCount, classes);
  const head = Object.entries(initialHeadValues(shapes, random)).map(([name, values]) => [
    name,
    tf.tensor(values, shapes[name]),
  ]);
  return joinSources(
    withPrefix(TOWER_PREFIX, freshTower(tower, random, imageSizePx)),
    fromTensors(Object.fromEntries(head)),
  );
}
