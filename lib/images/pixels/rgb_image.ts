// The type of an image in memory.

/** An image in memory: `data` is uint8 [H, W, 3], RGB, rows from the top. */
export interface RgbImage {
  data: Uint8Array;
  width: number;
  height: number;
}
