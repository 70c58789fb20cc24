// Joins many small pictures into one JPEG.
import sharp from "sharp";
import { checkInterrupt } from "../../common/interrupt";
import type { ProgressOptions } from "../../common/progress";
import { decodeRgb } from "../../images/decode";

/** Square tiles in rows, in the order of the images. */
export interface Sprite {
  /** The JPEG as a data URI. */
  source: string;
  columns: number;
  rows: number;
  /** Side of a tile in pixels of the JPEG. */
  tilePx: number;
}

/** Tile sides to try: the first that keeps the JPEG within its limit, else the last. */
const TILE_PX = [96, 80, 64, 48, 32] as const;
const JPEG_QUALITY = 78;
/** Images decoded at once. */
const AT_ONCE = 16;
const WHITE = 255;

/**
 * Reduces whole images to equal tiles on white and joins them into one JPEG: a page can hold thousands.
 * @param files image paths
 * @param maxBytes maximum size of the JPEG; more images mean smaller tiles
 * @throws UserError naming a file that cannot be read
 */
export async function makeSprite(
  files: readonly string[],
  maxBytes: number,
  { onProgress }: ProgressOptions = {},
): Promise<Sprite> {
  const columns = Math.max(1, Math.ceil(Math.sqrt(files.length)));
  const rows = Math.max(1, Math.ceil(files.length / columns));
  const [side] = TILE_PX;
  const sheet = Buffer.alloc(3 * columns * side * rows * side, WHITE);
  for (let first = 0; first < files.length; first += AT_ONCE) {
    const batch = files.slice(first, first + AT_ONCE);
    const tiles = await Promise.all(batch.map((file) => tilePixels(file, side)));
    for (const [i, tile] of tiles.entries()) paste(tile, side, sheet, first + i, columns);
    const done = first + batch.length;
    onProgress?.({ stage: "pictures of the map", done, total: files.length, unit: "images" });
    await checkInterrupt();
  }
  const jpegOf = (tilePx: number) =>
    sharp(sheet, { raw: { width: columns * side, height: rows * side, channels: 3 } })
      .resize(columns * tilePx, rows * tilePx)
      .jpeg({ quality: JPEG_QUALITY, mozjpeg: true })
      .toBuffer();
  for (const tilePx of TILE_PX) {
    const jpeg = await jpegOf(tilePx);
    if (jpeg.length > maxBytes && tilePx !== TILE_PX.at(-1)) continue;
    return { source: `data:image/jpeg;base64,${jpeg.toString("base64")}`, columns, rows, tilePx };
  }
  throw new Error("unreachable: the last size is always used");
}

/** Returns the whole image within a square: uint8 [side, side, 3]. */
async function tilePixels(file: string, side: number): Promise<Buffer> {
  const { data, width, height } = await decodeRgb(file);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: "contain", background: "#ffffff" })
    .raw()
    .toBuffer();
}

function paste(tile: Buffer, side: number, sheet: Buffer, place: number, columns: number): void {
  const [row, column] = [Math.floor(place / columns), place % columns];
  for (let y = 0; y < side; y++) {
    const to = 3 * ((row * side + y) * columns * side + column * side);
    tile.copy(sheet, to, 3 * y * side, 3 * (y + 1) * side);
  }
}
