// Shows images as a grid.
import sharp from "sharp";
import { UserError } from "../../common/errors";
import { escapeHtml } from "../../common/html";
import { decodeRgb } from "../../images/decode";
import type { RgbImage } from "../../images/pixels/rgb_image";
import { breakableHtml } from "./breakable";
import type { Drawing } from "./drawing";
import { scriptHtml } from "./page_script";

/** One picture of a grid. */
export interface GridImage {
  /** A path, the bytes of an image file, or pixels: uint8 [H, W, 3]. */
  image: string | Uint8Array | RgbImage;
  caption?: string;
  /** Green for a right answer, red for a wrong one; the caption also shows a sign. */
  frame?: "green" | "red" | "none";
}

/** Options of a grid. */
export interface GridOptions {
  /** Pictures per row. Default 8. */
  columns?: number;
  /** Longer side of a picture in CSS pixels. Default 96. */
  sizePx?: number;
  /** A sentence above the grid. */
  title?: string;
}

const FRAMES = {
  green: { colour: "#2ca25f", sign: "✓ " },
  red: { colour: "#e34a33", sign: "✗ " },
  none: { colour: "transparent", sign: "" },
} as const;

/** Maximum longer side of a stored picture: sharp on dense screens and when enlarged. */
const STORED_PX = 224;
const JPEG_QUALITY = 80;

/**
 * Draws pictures in rows with captions, as small JPEGs inside the notebook: `await show(await imageGrid(items))`. A
 * click enlarges a picture.
 * @throws UserError for a file that is not an image, with its path; also for an empty list
 * @example
 * show(await imageGrid([{ image: "data/demo/images/a.jpg" }]));
 */
export async function imageGrid(items: readonly GridImage[], options: GridOptions = {}): Promise<Drawing> {
  const { columns = 8, sizePx = 96, title } = options;
  if (items.length === 0) throw new UserError("An image grid needs at least one image; it got none.");
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
  // Captions of a row begin at one height, below low pictures too.
  const above = Math.floor((sizePx - height) / 2);
  const margin = `margin: ${above}px 0 ${sizePx - height - above}px`;
  const picture = `<img src="${source}" width="${width}" height="${height}" style="border: 3px solid ${colour}; ${margin}">`;
  const text = `${sign}${breakableHtml(caption)}`;
  return `<td style="text-align: center; vertical-align: top; max-width: ${sizePx + 12}px; overflow-wrap: anywhere">${picture}<br>${text}</td>`;
}

/** Returns the image as a small JPEG, and its size on the page: all longer sides are `sizePx`, for an even grid. */
export async function thumbnail(image: GridImage["image"], sizePx: number) {
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

/** Enlargement of a clicked picture, limited by the window. */
const ZOOM = 4;

function isPixels(image: GridImage["image"]): image is RgbImage {
  return typeof image !== "string" && !(image instanceof Uint8Array);
}
