// Measures the machine's peak rate: a chain of square float32 matrix products in TensorFlow, each with another matrix.

import { tf } from "guie/dist/engine/native/tf.js";
import { Program } from "guie/dist/engine/program/program.js";
import { serve } from "../shared/contestant.mjs";

const { size, products } = JSON.parse(process.argv[2]);
const program = new Program();
const names = Array.from({ length: products }, (_, i) => `factor${i}`);
for (const name of [...names, "start"]) {
  program.variable(name, { shape: [size, size] });
  await program.assign(
    name,
    Float32Array.from({ length: size * size }, () => (Math.random() - 0.5) / 16),
  );
}
const chain = program.function(
  "products",
  (_, variables) => {
    const product = names.reduce(
      (left, name) => tf.matMul(left, variables.read(name)),
      variables.read("start"),
    );
    return tf.sum(product);
  },
  {},
);

await serve(() => chain.run({}));
