// Predicts the time of a training step of several processes, by formula only; docs/how_to/scale.md tells how far it was
// checked. All rates are per second, in bytes or floating point operations; each process has one device.

/** The numbers that determine a step's time. */
export interface ScalingInputs {
  /** Number of hosts, and of devices per host; one process per device. */
  hosts: number;
  devicesPerHost: number;
  /** Images per step in one process. */
  imagesPerDevice: number;
  /** Matrix product operations of a device per image, forward and backward. */
  flopsPerImage: number;
  /** A device's rate of matrix products: its peak times the assumed utilisation. */
  flopsPerSecond: number;
  /** Share of the backward pass in `flopsPerImage`: 2 / 3; with gradient checkpointing 3 / 4. */
  backwardShare: number;
  /**
   * Weights that a device updates, and the rate of its memory: AdamW reads four numbers per weight and writes three.
   */
  trainedWeights: number;
  memoryBytesPerSecond: number;
  /** Size of the gradients that the processes average in a step, in the data type that is sent. */
  gradientBytes: number;
  bucketBytes: number;
  /** Rate from a device to the next on the same host, one way. */
  linkBytesPerSecond: number;
  /** Rate out of a host, for all its devices together, one way. */
  networkBytesPerSecond: number;
  /** Fixed time of a message. */
  messageSeconds: number;
  /** True if devices compute while gradients are sent; false if the same cores do both. */
  overlaps: boolean;
}

/** The predicted parts of a step, in seconds. */
export interface ScalingPrediction {
  devices: number;
  stepSeconds: number;
  computeSeconds: number;
  updateSeconds: number;
  /** Time for averaging the gradients, without overlap. */
  reduceSeconds: number;
  /** The part of it that the step waits for. */
  exposedSeconds: number;
  imagesPerSecond: number;
  /** Speed relative to the same number of devices without communication, 0..1. */
  efficiency: number;
}

const BYTES_OF_UPDATE = 7 * 4;

/**
 * Predicts a step. Gradients go round a ring in buckets: each device sends 2 (W - 1) / W times their size at the rate
 * of the slowest link. The backward pass fills the buckets evenly, one after the other. A bucket is sent when it is
 * full and the one before has arrived, so the step waits at least for the last one.
 */
export function predictStep(inputs: ScalingInputs): ScalingPrediction {
  const devices = inputs.hosts * inputs.devicesPerHost;
  const computeSeconds = (inputs.imagesPerDevice * inputs.flopsPerImage) / inputs.flopsPerSecond;
  const updateSeconds = (BYTES_OF_UPDATE * inputs.trainedWeights) / inputs.memoryBytesPerSecond;
  const buckets = Math.max(1, Math.ceil(inputs.gradientBytes / inputs.bucketBytes));
  const reduceSeconds = ringSeconds(inputs, devices, buckets);
  const hiding = inputs.overlaps ? inputs.backwardShare * computeSeconds : 0;
  const exposedSeconds = exposed(reduceSeconds, hiding, buckets);
  const aloneSeconds = computeSeconds + updateSeconds;
  const stepSeconds = aloneSeconds + exposedSeconds;
  return {
    devices,
    stepSeconds,
    computeSeconds,
    updateSeconds,
    reduceSeconds,
    exposedSeconds,
    imagesPerSecond: (devices * inputs.imagesPerDevice) / stepSeconds,
    efficiency: aloneSeconds / stepSeconds,
  };
}

/** Returns the time of a ring all-reduce of all gradients: https://arxiv.org/abs/1802.05799 */
function ringSeconds(inputs: ScalingInputs, devices: number, buckets: number): number {
  if (devices === 1) return 0;
  const { gradientBytes, hosts, devicesPerHost, messageSeconds } = inputs;
  const links = [
    ...(devicesPerHost > 1 ? [inputs.linkBytesPerSecond] : []),
    ...(hosts > 1 ? [inputs.networkBytesPerSecond] : []),
  ];
  const sentBytes = ((2 * (devices - 1)) / devices) * gradientBytes;
  return sentBytes / Math.min(...links) + buckets * 2 * (devices - 1) * messageSeconds;
}

/**
 * Returns the time for averaging that is left after the backward pass; bucket i of n is full after i / n of the pass.
 */
function exposed(reduceSeconds: number, backwardSeconds: number, buckets: number): number {
  const slower = Math.max(reduceSeconds, backwardSeconds);
  const faster = Math.min(reduceSeconds, backwardSeconds);
  return slower + faster / buckets - backwardSeconds;
}
