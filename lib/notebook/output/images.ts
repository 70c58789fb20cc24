// Shows images as a grid.
import sharp from "sharp";
import { UserError } from "../../common/errors";
import { decodeRgb } from "../../images/decode";
import type { RgbImage } from "../../images/pixels/rgb_image";
import type { Drawing } from "./drawing";
import { escapeHtml } from "./html";
import { scriptHtml } from "./page_script";

/** One picture of a grid. */
export interface GridImage {
  /** A path, the bytes of an image file, or pixels: uint8 [H, W, 3]. */
  image: string | Uint8Array | RgbImage;
  caption?: string;
  /** green: a right answer, red: a wrong one; said by a sign in the caption as well. */
  frame?: "green" | "red" | "none";
}

/** How a grid looks. */
export interface GridOptions {
  /** Pictures in a row. Default 8. */
  columns?: number;
  /** The longer side of a picture, CSS pixels. Default 96. */
  sizePx?: number;
  /** A sentence above the grid. */
  title?: string;
}

const FRAMES = {
  green: { colour: "#2ca25f", sign: "✓ " },
  red: { colour: "#e34a33", sign: "✗ " },
  none: { colour: "transparent", sign: "" },
} as const;

/** The longer side of a picture in the notebook, at most: sharp on dense screens, and worth a second look. */
const STORED_PX = 224;
const JPEG_QUALITY = 80;

/**
 * Draws pictures in rows with captions, as small JPEGs inside the notebook: `await show(await imageGrid(items))`.
 * A click shows one large. Anything that is not an image is refused with its path.
 * @example
 * show(await imageGrid([{ image: "data/demo/images/a.jpg" }]));
 */
export async function imageGrid(items: readonly GridImage[], options: GridOptions = {}): Promise<Drawing> {
  const { columns = 8, sizePx = 96, title } = options;
  if (items.length === 0) throw new UserError("An image grid needs at least one image: it got none.");
  const cells = await Promise.all(items.map((item) => cellHtml(item, sizePx)));
  const rows: string[] = [];
  for (let first = 0; first < cells.length; first += columns) {
    rows.push(`<tr style="background: none">${cells.slice(first, first + columns).join("")}</tr>`);
  }
  const heading = title ? `<p><b>${escapeHtml(title)}</b></p>` : "";
  const text = items
    .map(({ caption, frame = "none" }) => `${FRAMES[frame].sign}${caption ?? ""}`)
    .join(" | ");
  return {
    bundle: {
      "text/html": `<div>${heading}<table style="border: none"><tbody>${rows.join("")}</tbody></table>${scriptHtml("zoom", { sides: ZOOM })}</div>`,
      "text/plain": `${title ?? "Images"}: ${text}`,
    },
  };
}

async function cellHtml({ image, caption = "", frame = "none" }: GridImage, sizePx: number): Promise<string> {
  const { colour, sign } = FRAMES[frame];
  const { jpeg, width, height } = await thumbnail(image, sizePx);
  const source = `data:image/jpeg;base64,${jpeg.toString("base64")}`;
  const picture = `<img src="${source}" width="${width}" height="${height}" style="border: 3px solid ${colour}">`;
  const text = `${sign}${escapeHtml(caption)}`;
  return `<td style="text-align: center; vertical-align: top; max-width: ${sizePx + 12}px; overflow-wrap: anywhere">${picture}<br>${text}</td>`;
}

/** The image as a small JPEG, and its size on the page: all longer sides are `sizePx`, so that a grid is even. */
async function thumbnail(image: GridImage["image"], sizePx: number) {
  const pixels = isPixels(image) ? image : await decodeRgb(image);
  const { data, width, height } = pixels;
  const fit = (longerPx: number) => {
    const scale = longerPx / Math.max(width, height);
    return [width, height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  };
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(...fit(Math.min(Math.max(width, height), Math.max(STORED_PX, sizePx))), { fit: "fill" })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer();
  const [shownWidth, shownHeight] = fit(sizePx);
  return { jpeg, width: shownWidth, height: shownHeight };
}

/** So many times as large as in the grid, within the window. */
const ZOOM = 4;

function isPixels(image: GridImage["image"]): image is RgbImage {
  return typeof image !== "string" && !(image instanceof Uint8Array);
}
