// A head for each data set: the softmax of an image goes over the classes of its own data set.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { marginLoss } from "guie/dist/model/arcface";
import { classCosines, cosinesWithinDataSets, dataSetNumbers } from "guie/dist/model/head";
import { DATA_SET_NAME } from "guie/dist/model/weight_names";

const random = randomStream(3, "data sets");
const numbers = (count: number) => Array.from({ length: count }, () => random.normal());
const LABELS = [0, 1, 2, 4, 3];
const DATA_SETS = ["a", "b", "a", "b", "b"];
const [B, C, E] = [5, 5, 4];
const EMBEDDINGS = numbers(B * E);

test("the numbers of data sets follow their first classes", () => {
  assert.deepEqual([...dataSetNumbers(DATA_SETS)], [0, 1, 0, 1, 1]);
});

test("by hand: of four classes the two of the other data set do not count", () => {
  const weights = { [DATA_SET_NAME]: tf.tensor1d([0, 0, 1, 1]) };
  const cosines = tf.tensor2d([[0.5, 0.25, 1, 1]]);
  const labels = tf.tensor1d([0], "int32");
  const lossOf = (cosines: tf.Tensor) =>
    marginLoss(cosinesWithinDataSets(weights, cosines as tf.Tensor2D, labels), labels, {
      ...{ loss: "CosFace", s: 4, margin: 0.125 },
    });
  const { value, grad } = tf.valueAndGrad(lossOf)(cosines);
  // logits 4 (0.5 - 0.125) and 4 x 0.25
  assert.ok(Math.abs(value.dataSync()[0]! - Math.log(1 + Math.exp(1 - 1.5))) < 1e-6);
  const share = 1 / (1 + Math.exp(1.5 - 1));
  const expected = [-4 * share, 4 * share, 0, 0];
  for (const [i, slope] of grad.dataSync().entries())
    assert.ok(Math.abs(slope - expected[i]!) < 1e-6, `${i}`);
});

for (const loss of ["ArcFace", "CosFace"] as const) {
  for (const K of [1, 3]) {
    test(`${loss}, ${K} rows per class: loss and gradients are those of separate heads`, () =>
      tf.tidy(() => {
        const rows = tf.tensor2d(numbers(C * K * E), [C * K, E]);
        const all = tf.tensor2d(EMBEDDINGS, [B, E]);
        const options = { loss, s: 10, margin: 0.3 };
        const weights = { [DATA_SET_NAME]: tf.tensor1d(dataSetNumbers(DATA_SETS)) };
        const labels = tf.tensor1d(LABELS, "int32");
        const masked = (embeddings: tf.Tensor, head: tf.Tensor) => {
          const cosines = classCosines(embeddings as tf.Tensor2D, head as tf.Tensor2D, K);
          return marginLoss(cosinesWithinDataSets(weights, cosines, labels), labels, options);
        };
        // Each data set's images on the rows of its classes; the mean over all images
        const separate = (embeddings: tf.Tensor, head: tf.Tensor) => {
          const parts = ["a", "b"].map((name) => {
            const classes = [...Array(C).keys()].filter((label) => DATA_SETS[label] === name);
            const images = [...Array(B).keys()].filter((image) => classes.includes(LABELS[image]!));
            const ofClasses = tf.gather(tf.reshape(head, [C, K * E]), classes);
            const cosines = classCosines(
              tf.gather(embeddings as tf.Tensor2D, images),
              tf.reshape(ofClasses, [classes.length * K, E]),
              K,
            );
            const truth = images.map((image) => classes.indexOf(LABELS[image]!));
            const mean = marginLoss(cosines, tf.tensor1d(truth, "int32"), options);
            return tf.mul(mean, images.length / B);
          });
          return tf.addN(parts) as tf.Scalar;
        };
        const [ours, theirs] = [masked, separate].map((lossOf) => tf.valueAndGrads(lossOf)([all, rows]));
        const pairs = [
          [ours!.value, theirs!.value],
          ...ours!.grads.map((gradient, i) => [gradient, theirs!.grads[i]!]),
        ];
        for (const [one, other] of pairs) {
          const [found, expected] = [one!.dataSync(), other!.dataSync()];
          for (const [i, value] of expected.entries())
            assert.ok(Math.abs(found[i]! - value) < 1e-5, `${i}: ${found[i]}, not ${value}`);
        }
      }));
  }
}
