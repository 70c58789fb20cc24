// What a training step of several processes should take, by formula. A model on paper: docs/scaling.md says how far it
// was checked. All rates are per second, in bytes or floating point operations; a device is one process's.

/** What a step's time follows from. */
export interface ScalingInputs {
  /** Hosts that train together, and devices of each, one process a device. */
  hosts: number;
  devicesPerHost: number;
  /** Images of a step in one process. */
  imagesPerDevice: number;
  /** Of one image: forward and backward, in the matrix products that a device computes. */
  flopsPerImage: number;
  /** What a device reaches of its matrix products: its peak times the utilisation that is assumed. */
  flopsPerSecond: number;
  /** Of `flopsPerImage`, the share of the backward pass: 2 / 3; with gradient checkpointing 3 / 4. */
  backwardShare: number;
  /** Weights that a device updates, and its memory's rate: AdamW reads four numbers of each and writes three. */
  trainedWeights: number;
  memoryBytesPerSecond: number;
  /** Gradients that the processes average in a step, as sent. */
  gradientBytes: number;
  bucketBytes: number;
  /** From a device to the next of the same host, one way. */
  linkBytesPerSecond: number;
  /** Out of a host, all its devices together, one way. */
  networkBytesPerSecond: number;
  /** What a message takes however short it is. */
  messageSeconds: number;
  /** Whether devices compute while gradients travel: not where the same cores do both. */
  overlaps: boolean;
}

/** A step, taken apart; seconds. */
export interface ScalingPrediction {
  devices: number;
  stepSeconds: number;
  computeSeconds: number;
  updateSeconds: number;
  /** Gradients' way, if nothing else went on. */
  reduceSeconds: number;
  /** What of it the step waits for. */
  exposedSeconds: number;
  imagesPerSecond: number;
  /** Against as many devices that need not talk: 1 = all of their speed. */
  efficiency: number;
}

const BYTES_OF_UPDATE = 7 * 4;

/**
 * Predicts a step. Gradients go round a ring in buckets: each device sends 2 (W - 1) / W of them, as fast as the
 * ring's slowest link. The backward pass fills the buckets one after the other and evenly; a bucket leaves when it is
 * full and the one before has arrived, so that at least the last one is waited for.
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

/** All gradients once round the ring: https://arxiv.org/abs/1802.05799 */
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

/** What is left of the buckets' way when the backward pass has ended; bucket i of n is full after i / n of it. */
function exposed(reduceSeconds: number, backwardSeconds: number, buckets: number): number {
  const slower = Math.max(reduceSeconds, backwardSeconds);
  const faster = Math.min(reduceSeconds, backwardSeconds);
  return slower + faster / buckets - backwardSeconds;
}
