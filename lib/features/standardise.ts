// Standardisation of features by the mean and standard deviation of a set. Shapes: N rows, F features per row.
import { listRows, type Vectors } from "../common/vectors";

/** Added to every variance, so that a constant feature is not divided by zero. */
const VARIANCE_FLOOR = 1e-6;

/** The parameters of a standardisation: `(value - mean) * scale` per feature. */
export interface Standardisation {
  /** [F]. */
  mean: Float32Array;
  /** [F] 1 / sqrt(variance + 1e-6). */
  scale: Float32Array;
}

/** Returns the standardisation to mean 0 and standard deviation 1 over `features` [N, F]; moments are float64. */
export function standardisationBy(features: Vectors): Standardisation {
  const { count, length } = features;
  const rows = listRows(features);
  const mean = new Float64Array(length);
  for (const row of rows) for (let i = 0; i < length; i++) mean[i]! += row[i]!;
  for (let i = 0; i < length; i++) mean[i]! /= count;
  const variance = new Float64Array(length);
  for (const row of rows) for (let i = 0; i < length; i++) variance[i]! += (row[i]! - mean[i]!) ** 2;
  const scale = Float32Array.from(variance, (sum) => 1 / Math.sqrt(sum / count + VARIANCE_FLOOR));
  return { mean: Float32Array.from(mean), scale };
}

/** Returns standardised copies of features, [N, F]. */
export function standardised(features: Vectors, { mean, scale }: Standardisation): Vectors {
  const copy = { ...features, data: features.data.slice() };
  for (const row of listRows(copy))
    for (let i = 0; i < row.length; i++) row[i] = (row[i]! - mean[i]!) * scale[i]!;
  return copy;
}
