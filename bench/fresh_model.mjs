// The weights of our side where a benchmark trains: random ones, the same in every process.

import { tf } from "guie/dist/engine/native/tf.js";
import { headShapes, initialHeadValues } from "guie/dist/model/head.js";
import { freshTower } from "guie/dist/model/tower_weights.js";
import { TOWER_PREFIX } from "guie/dist/model/weight_names.js";
import { fromTensors, joinSources, withPrefix } from "guie/dist/model/weight_source.js";

/** Tower, neck and head for so many features and classes, as a source that fills a program. */
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
