// Resampling of position embeddings for another image size.
import { rowOf, rowsIn, setRows, sliceRows, type Vectors, zeroVectors } from "../common/vectors";
import type { Resampling, Tower } from "./tower";

/** An output position as a weighted sum of input positions. */
interface Taps {
  indices: number[];
  weights: number[];
}

/**
 * Coefficients of the cubic: PyTorch, ONNX and OpenCV interpolate with -0.75; with antialiasing, PyTorch uses Keys'
 * own, as Pillow does.
 */
const CUBIC_A = -0.75;
const ANTIALIASED_CUBIC_A = -0.5;

/** DINOv2's addend to the new grid's side before the division by the old one (`interpolate_offset`). */
const DINOV2_OFFSET = 0.1;

/**
 * Resamples the position embedding of a checkpoint for another patch grid, bicubic, as the tower's family does. The
 * class token's row is unchanged.
 * - `bicubic`: PyTorch's `F.interpolate(mode="bicubic")`, half-pixel centres, edge positions repeated; ONNX: Resize,
 *   cubic; Hugging Face: `Dinov2Model`.
 * - `antialiased`: the same with `antialias=True`; open_clip: `resize_pos_embed`; timm: `resample_abs_pos_embed`;
 *   DINOv2 with registers.
 * - `offset`: `F.interpolate(scale_factor=(newGrid + 0.1) / G)`; DINOv2's own `interpolate_pos_encoding`.
 * @param positions float32 [(1 +) G * G, D], row-major over the grid of side G
 * @param newGrid side of the new grid
 * @returns [(1 +) newGrid * newGrid, D]
 */
export function resamplePositions(
  positions: Float32Array,
  { classToken, positionGrid: grid, resampling }: Pick<Tower, "classToken" | "positionGrid" | "resampling">,
  newGrid: number,
): Float32Array {
  if (grid === newGrid) return positions;
  const classRows = classToken ? 1 : 0;
  const before = rowsIn(positions, classRows + grid * grid);
  const after = zeroVectors(classRows + newGrid * newGrid, before.length);
  setRows(after, 0, sliceRows(before, 0, classRows).data);
  const patches = sliceRows(before, classRows);
  const taps = Array.from({ length: newGrid }, (_, position) => TAPS[resampling](position, grid, newGrid));
  for (let y = 0; y < newGrid; y++) {
    for (let x = 0; x < newGrid; x++) {
      setRows(after, classRows + y * newGrid + x, interpolate(patches, grid, taps[y]!, taps[x]!));
    }
  }
  return after.data;
}

/**
 * Returns `resamplePositions` as a matrix, for positions that are in a graph.
 * @returns float32 [(1 +) newGrid ** 2, (1 +) G * G]
 */
export function resamplingMatrix(
  tower: Pick<Tower, "classToken" | "positionGrid" | "resampling">,
  newGrid: number,
): Float32Array {
  const rows = (tower.classToken ? 1 : 0) + tower.positionGrid ** 2;
  const identity = new Float32Array(rows ** 2);
  for (let row = 0; row < rows; row++) identity[row * rows + row] = 1;
  return resamplePositions(identity, tower, newGrid);
}

/** The input positions and weights of an output position when `from` positions become `to`. */
const TAPS: Record<Resampling, (position: number, from: number, to: number) => Taps> = {
  bicubic: (position, from, to) => cubicTaps(position, from, from / to),
  antialiased: (position, from, to) => antialiasedTaps(position, from, from / to),
  offset: (position, from, to) => cubicTaps(position, from, from / (to + DINOV2_OFFSET)),
};

/** Returns the four neighbours and their weights. */
function cubicTaps(position: number, from: number, scale: number): Taps {
  const centre = (position + 0.5) * scale - 0.5;
  const first = Math.floor(centre) - 1;
  const offsets = [0, 1, 2, 3].map((k) => first + k);
  return {
    indices: offsets.map((offset) => Math.min(from - 1, Math.max(0, offset))),
    weights: offsets.map((offset) => cubic(Math.abs(centre - offset), CUBIC_A)),
  };
}

/** Returns a cubic widened by the shrink factor; taps beyond the edge are dropped, the weights of the rest sum to 1. */
function antialiasedTaps(position: number, from: number, scale: number): Taps {
  const stretch = Math.max(scale, 1);
  const centre = (position + 0.5) * scale;
  const first = Math.max(0, Math.floor(centre - 2 * stretch + 0.5));
  const end = Math.min(from, Math.floor(centre + 2 * stretch + 0.5));
  const indices = Array.from({ length: end - first }, (_, k) => first + k);
  const weights = indices.map((index) =>
    cubic(Math.abs(index + 0.5 - centre) / stretch, ANTIALIASED_CUBIC_A),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { indices, weights: weights.map((weight) => weight / sum) };
}

/** Returns the cubic convolution kernel at a distance (Keys, 1981). */
function cubic(t: number, a: number): number {
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
}

/** Returns the weighted sum of grid positions, [D]. */
function interpolate(patches: Vectors, grid: number, rows: Taps, columns: Taps): Float64Array {
  const sum = new Float64Array(patches.length);
  rows.indices.forEach((y, i) => {
    columns.indices.forEach((x, j) => {
      const weight = rows.weights[i]! * columns.weights[j]!;
      const patch = rowOf(patches, y * grid + x);
      for (let k = 0; k < sum.length; k++) sum[k]! += weight * patch[k]!;
    });
  });
  return sum;
}
