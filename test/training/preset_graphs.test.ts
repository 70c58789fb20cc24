// The graphs of all presets and tower families, and the operations in them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PRESET_NAMES } from "guie/dist/config/presets";
import { describeUse, operationUses } from "guie/dist/engine/graph/kernel_coverage";
import { Program } from "guie/dist/engine/program/program";
import { tracedFor } from "guie/dist/engine/tracing/fused";
import { backboneOf } from "guie/dist/model/backbone";
import { findTower, towerShapes } from "guie/dist/model/towers";
import { presetGraphs, VARIANTS } from "guie/dist/training/preset_graphs";

/** Returns the operations of one of the graphs. */
async function usesOf(name: string): Promise<string[]> {
  const graph = presetGraphs().find((row) => row.name === name)!;
  const program = await graph.trace();
  const uses = operationUses(program.graph.nodes).map(describeUse);
  program.dispose();
  return uses;
}

/** The first tower of each family in the table. */
const FAMILIES = [
  "dinov2-vit-s-14",
  "dinov2-vit-s-14-reg4",
  "dinov2-vit-g-14",
  "dinov2-vit-g-14-reg4",
  "ViT-B-32",
  "ViT-B-32-quickgelu",
  "ViT-B-16-SigLIP",
];

test("every preset in both stages and every tower family has graphs of features and training step", () => {
  const names = presetGraphs().map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const owners = [
    ...PRESET_NAMES.flatMap((name) => [`${name} frozen`, `${name} fine_tune`]),
    ...FAMILIES.map((name) => `tower ${name} fine_tune`),
  ];
  assert.equal(names.length, 2 * owners.length * VARIANTS.length);
  for (const owner of owners) {
    for (const what of ["features", "training step"]) assert.ok(names.includes(`${owner}: ${what}`), owner);
  }
  const half = 'vit_224 fine_tune {"precision":"float16","patchPooling":"mean"}: training step';
  assert.ok(names.includes(half), names.join("\n"));
});

test("a graph on a small tower has the operations of the real one", async () => {
  const tower = findTower("dinov2-vit-s-14");
  const program = new Program();
  for (const [name, shape] of towerShapes(tower)) {
    program.variable(name, { shape: name === "positional_embedding" ? [65, tower.width] : shape });
  }
  tracedFor("gpu", () => backboneOf(program, tower, { imageSize: 112, lastBlocks: 1 }));
  const real = operationUses(program.graph.nodes).map(describeUse);
  assert.deepEqual(await usesOf("demo fine_tune: features"), real);
  program.dispose();
});

test("16-bit graphs use 16 bits for matrix products only", async () => {
  const uses = await usesOf('vit_224 fine_tune {"precision":"float16","patchPooling":"mean"}: training step');
  assert.ok(uses.includes("MatMul(T: float16)"), uses.join("\n"));
  for (const op of ["Softmax", "Mean", "Rsqrt", "Exp", "ResourceApplyAdam", "AddV2"])
    assert.ok(!uses.some((use) => use.startsWith(`${op}(`) && use.includes("float16")), op);
});

test("the training step has gradient and update; on frozen features it has no tower", async () => {
  const step = await usesOf("demo fine_tune: training step");
  const frozen = await usesOf("demo frozen: training step");
  for (const use of [
    "MatMul(T: float32)",
    "AssignVariableOp(dtype: float32)",
    "ResourceApplyAdam(T: float32)",
  ]) {
    assert.ok(step.includes(use) && frozen.includes(use), use);
  }
  for (const use of ["BiasAddGrad(T: float32)", "Erf(T: float32)"]) {
    assert.ok(step.includes(use) && !frozen.includes(use), use);
  }
});

test("the step of several processes has their collectives", async () => {
  const variant = '{"processes":2,"gradientDtype":"bfloat16","neck":"norm_single_linear"}';
  const uses = await usesOf(`vit_224 fine_tune ${variant}: training step`);
  for (const use of [
    "CollectiveReduceV2(T: bfloat16)",
    "CollectiveReduceV2(T: float32)",
    "CollectiveGatherV2(T: float32)",
    "CollectiveBcastSendV2(T: float32)",
  ]) {
    assert.ok(uses.includes(use), uses.join("\n"));
  }
  assert.ok(uses.some((use) => use.startsWith("CollectiveBcastRecvV2")));
});
