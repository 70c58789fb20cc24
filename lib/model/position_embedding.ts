/** The coefficient of the cubic that PyTorch, ONNX and OpenCV use (Keys' own is -0.5). */
const CUBIC_A = -0.75;

/** One output position as a weighted sum of four input positions. */
interface Taps {
  indices: number[];
  weights: number[];
}

/**
 * Brings a position embedding to another patch grid: bicubic, a = -0.75, half-pixel centres, no antialiasing, edge
 * positions repeated; the class token's row stays as it is. PyTorch: `F.interpolate(mode="bicubic",
 * align_corners=False)`; ONNX: Resize, cubic. DINOv2 does the same.
 * @param positions float32 [1 + G * G, D], row-major over the grid
 * @param grid G, the side of the grid it was trained in
 * @param newGrid the side of the grid it is for
 * @returns [1 + newGrid * newGrid, D]
 */
export function resamplePositions(positions: Float32Array, grid: number, newGrid: number): Float32Array {
  if (grid === newGrid) return positions;
  const width = positions.length / (1 + grid * grid);
  const result = new Float32Array((1 + newGrid * newGrid) * width);
  result.set(positions.subarray(0, width));
  const taps = Array.from({ length: newGrid }, (_, position) => cubicTaps(position, grid, newGrid));
  for (let y = 0; y < newGrid; y++) {
    for (let x = 0; x < newGrid; x++) {
      const row = interpolate(positions, grid, width, taps[y]!, taps[x]!);
      result.set(row, (1 + y * newGrid + x) * width);
    }
  }
  return result;
}

/** The four neighbours of output position `position`, and their weights, when `from` positions become `to`. */
function cubicTaps(position: number, from: number, to: number): Taps {
  const centre = ((position + 0.5) * from) / to - 0.5;
  const first = Math.floor(centre) - 1;
  const offsets = [0, 1, 2, 3].map((k) => first + k);
  return {
    indices: offsets.map((offset) => Math.min(from - 1, Math.max(0, offset))),
    weights: offsets.map((offset) => cubic(Math.abs(centre - offset))),
  };
}

/** The cubic convolution kernel at a distance from 0 to 2 (Keys, 1981). */
function cubic(t: number): number {
  if (t <= 1) return ((CUBIC_A + 2) * t - (CUBIC_A + 3)) * t * t + 1;
  return CUBIC_A * (((t - 5) * t + 8) * t - 4);
}

/** The weighted sum of sixteen grid positions, [D]. */
function interpolate(
  positions: Float32Array,
  grid: number,
  width: number,
  rows: Taps,
  columns: Taps,
): Float64Array {
  const sum = new Float64Array(width);
  rows.indices.forEach((y, i) => {
    columns.indices.forEach((x, j) => {
      const weight = rows.weights[i]! * columns.weights[j]!;
      const start = (1 + y * grid + x) * width;
      for (let k = 0; k < width; k++) sum[k]! += weight * positions[start + k]!;
    });
  });
  return sum;
}
