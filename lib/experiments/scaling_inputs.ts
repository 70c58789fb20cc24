// Inputs of `predictStep` for a config on given machines. The machines' numbers are from data sheets, none is measured.
import type { ScalingSettings } from "../config/parts";
import { headShapes } from "../model/head";
import { findTower, parameterCount } from "../model/towers";
import { featureLength } from "../model/vit";
import { HEAD_WEIGHT } from "../model/weight_names";
import { forwardFlops } from "../training/tower_cost";
import type { ScalingInputs } from "./scaling";

/** A kind of host, with its makers' numbers. */
export interface Machine {
  /** Peak rate of a device's matrix products: in bfloat16, and in TF32, which TensorFlow uses for float32. */
  peakFlopsPerSecond: { bfloat16: number; float32: number };
  memoryBytesPerSecond: number;
  /** Rate between devices of a host, one way. */
  linkBytesPerSecond: number;
  /** Rate out of a host, one way. */
  networkBytesPerSecond: number;
}

/** Machines from NVIDIA's data sheets, without sparsity; with a network that is common for such hosts. */
export const MACHINES = {
  // 48 GB; PCIe 4.0 x16; 100 Gbit/s Ethernet. https://images.nvidia.com/content/Solutions/data-center/a40/nvidia-a40-datasheet.pdf
  a40: {
    peakFlopsPerSecond: { bfloat16: 149.7e12, float32: 74.8e12 },
    memoryBytesPerSecond: 696e9,
    linkBytesPerSecond: 31.5e9,
    networkBytesPerSecond: 12.5e9,
  },
  // SXM, 80 GB; NVLink 900 GB/s both ways together; 8 x 400 Gbit/s. https://www.nvidia.com/en-us/data-center/h100/
  h100: {
    peakFlopsPerSecond: { bfloat16: 989.4e12, float32: 494.7e12 },
    memoryBytesPerSecond: 3350e9,
    linkBytesPerSecond: 450e9,
    networkBytesPerSecond: 400e9,
  },
} as const satisfies Record<string, Machine>;

/** Assumptions about all machines. */
export interface Assumptions {
  /** Share of the peak that a step's products reach. */
  utilisation: number;
  /** Share of their rate that links, network and memory reach. */
  transferShare: number;
  messageSeconds: number;
}

/**
 * Typical values: large ViTs train at 0.3 to 0.5 of the peak; NCCL reaches 0.6 to 0.9 of a link, and 3 to 14 us per hop.
 */
export const ASSUMPTIONS: Assumptions = { utilisation: 0.4, transferShare: 0.7, messageSeconds: 6e-6 };

/**
 * Returns the inputs of `predictStep` for a run that trains all weights of a config.
 * @param classCount number of classes of the head
 */
export function scalingInputs(
  config: ScalingSettings,
  classCount: number,
  { hosts, devicesPerHost }: Pick<ScalingInputs, "hosts" | "devicesPerHost">,
  machine: Machine,
  { utilisation, transferShare, messageSeconds }: Assumptions = ASSUMPTIONS,
): ScalingInputs {
  const tower = findTower(config.tower);
  const featureCount = featureLength(tower, config);
  const { [HEAD_WEIGHT]: rows, ...neck } = headShapes(
    { ...config, classSizeMargin: false, heads: "joint" },
    featureCount,
    classCount,
  );
  const headWeights = sizeOf(rows!);
  const others =
    parameterCount(tower, { projection: false }) + Object.values(neck).map(sizeOf).reduce(add, 0);
  const passes = config.gradientCheckpointing ? 4 : 3;
  const ofHead = 2 * headWeights;
  // Each process of a sharded head has its share of the classes, for the images of all processes
  const shares = config.shardHead ? hosts * devicesPerHost : 1;
  const peak = machine.peakFlopsPerSecond[config.precision === "float32" ? "float32" : "bfloat16"];
  const averaged = others + (config.shardHead && shares > 1 ? 0 : headWeights);
  return {
    hosts,
    devicesPerHost,
    imagesPerDevice: config.batchSize,
    messageSeconds,
    overlaps: true,
    flopsPerImage: passes * forwardFlops(tower, config.imageSize) + 3 * ofHead,
    flopsPerSecond: utilisation * peak,
    backwardShare: (passes - 1) / passes,
    trainedWeights: others + headWeights / shares,
    memoryBytesPerSecond: transferShare * machine.memoryBytesPerSecond,
    gradientBytes: averaged * (config.gradientDtype === "float32" ? 4 : 2),
    bucketBytes: config.bucketMB * 1e6 * (config.gradientDtype === "float32" ? 1 : 1 / 2),
    linkBytesPerSecond: transferShare * machine.linkBytesPerSecond,
    networkBytesPerSecond: transferShare * machine.networkBytesPerSecond,
  };
}

const add = (a: number, b: number) => a + b;
const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
