// Results of all functions that draw at random, for seed 999; small enough to read.
import { createHash } from "node:crypto";
import { randomStream } from "guie/dist/common/random";
import { augmentationRows } from "guie/dist/config/augmentation";
import { tiny } from "guie/dist/config/presets";
import { type AugmentPlan, type AugmentStep, drawAugmentPlan } from "guie/dist/images/loading/augment_plan";
import { initialHeadValues } from "guie/dist/model/head";
import { dropoutMask } from "guie/dist/model/neck";
import { drawPatches } from "guie/dist/model/patch_dropout";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import { bootstrapMeans, intervalOf } from "guie/dist/retrieval/bootstrap";
import { randomProjection } from "guie/dist/retrieval/reduction";
import { holdOutClasses } from "guie/dist/training/data/choice_classes";
import { dataSetOrder } from "guie/dist/training/data/data_set_order";
import type { RunData } from "guie/dist/training/data/run_data";
import { epochOrder } from "guie/dist/training/data/samplers";
import { tarOrder } from "guie/dist/training/data/tar_order";

const SEED = 999;

/** Labels of 12 rows: four classes of 5, 4, 2 and 1. */
const LABELS = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3];

/** Draws everything that is pinned. @returns name -> value, in a fixed order */
export function drawAll(): Record<string, unknown> {
  const stream = () => randomStream(SEED, "pinned");
  const normals = stream();
  return {
    "integer(0, 9) x 8": Array.from(
      { length: 8 },
      (
        (random) => () =>
          random.integer(0, 9)
      )(stream()),
    ),
    "normal() x 4": Array.from({ length: 4 }, () => normals.normal()),
    "shuffle(0..9)": stream().shuffle([...Array(10).keys()]),
    ...epochOrders(),
    ...dataSetOrders(),
    ...tarOrders(),
    ...augmentPlans(),
    "dropoutMask(16, 0.5)": [...dropoutMask(16, 0.5, randomStream(SEED, "dropout", 1, 0))],
    "drawPatches(8 of 64)": [...drawPatches({ all: 64, kept: 8 }, randomStream(SEED, "patches", 1, 0))],
    "initialHead, sha256": hashOf(Object.values(freshHead())),
    "freshTower(tiny), sha256": hashOf(freshTowerValues()),
    "holdOutClasses(0.5)": choiceClasses(),
    "bootstrap, 95 %": intervalOf(bootstrapMeans(LABELS, [LABELS.map((_, i) => i / 11)], { seed: SEED })[0]!),
    "randomProjection(4, 2)": [...randomProjection(4, 2, SEED).matrix],
  };
}

function epochOrders() {
  const config = { seed: SEED, batchSize: 4, samplesPerClass: 2 };
  const samplers = ["shuffle", "class_balanced", "m_per_class"] as const;
  const orders = samplers.flatMap((sampler) =>
    [1, 2].map((epoch) => [
      `epochOrder ${sampler}, epoch ${epoch}`,
      epochOrder({ ...config, sampler }, LABELS, epoch),
    ]),
  );
  return Object.fromEntries(orders);
}

function dataSetOrders() {
  const config = { seed: SEED, batchSize: 4, samplesPerClass: 2, sampler: "m_per_class" } as const;
  const table = { labels: LABELS, dataSets: ["a", "a", "b", "b"] };
  const orders = (["square_root", "equal", "round_robin"] as const).map((dataSetSampling) => [
    `dataSetOrder ${dataSetSampling}, epoch 1`,
    dataSetOrder({ ...config, dataSetSampling }, table, 1, 3),
  ]);
  return Object.fromEntries(orders);
}

function tarOrders() {
  const tars = [Int32Array.of(0, 1, 2, 3, 4), Int32Array.of(5, 6, 7), Int32Array.of(8, 9, 10, 11)];
  const orders = [0, 1].map((rank) => {
    const { reading, order } = tarOrder({ seed: SEED, shuffleBuffer: 3 }, tars, 1, 1, { rank, worldSize: 2 });
    return [`tarOrder, epoch 1, process ${rank} of 2`, Array.from(order, (place) => reading[place])];
  });
  return Object.fromEntries(orders);
}

function augmentPlans() {
  const rows = [0, 1, 2, 3, 4, 5];
  return Object.fromEntries(
    rows.map((row) => [
      `augment, epoch 1, row ${row}`,
      pinnedPlan(drawAugmentPlan(randomStream(SEED, "augment", 1, row), augmentationRows("original"), 112)),
    ]),
  );
}

/** Returns a plan of the original's recipe in the form in which it is pinned. */
function pinnedPlan({ steps }: AugmentPlan) {
  const step = <Kind extends AugmentStep["kind"]>(kind: Kind) =>
    steps.find((some): some is Extract<AugmentStep, { kind: Kind }> => some.kind === kind);
  const [tone, warp, cutout] = [step("tone"), step("warp"), step("cutout")];
  const { kind, ...hole } = cutout ?? {};
  return {
    flip: step("flip") !== undefined,
    contrast: tone?.contrast ?? 1,
    brightness: tone?.brightness ?? 0,
    scale: warp?.scale ?? 1,
    rotationDegrees: warp?.rotationDegrees ?? 0,
    cutout: cutout ? hole : null,
  };
}

function freshHead() {
  const shapes = { "neck.weight": [8, 16], "neck.bias": [8], "head.weight": [6, 8] };
  return initialHeadValues(shapes, randomStream(SEED, "neck and head"));
}

function freshTowerValues(): Float32Array[] {
  const source = freshTower(findTower("tiny"), randomStream(SEED, "weights"), tiny().imageSize);
  return [...source.shapes].map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
    source.write(name, values);
    return values;
  });
}

function choiceClasses() {
  const train = { files: LABELS.map((label, row) => `${label}_${row}.jpg`), labels: Int32Array.from(LABELS) };
  const validation = { files: ["0_v.jpg"], labels: Int32Array.of(0) };
  const data: RunData = { train, validation, classCount: 4, retrieval: undefined };
  const { retrieval, classCount } = holdOutClasses(data, { holdOutShare: 0.5, seed: SEED });
  return { classCount, ...retrieval };
}

function hashOf(arrays: readonly Float32Array[]): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of arrays)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}
