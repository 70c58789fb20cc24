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
      "text/html": `<div>${heading}<table style="border: none"><tbody>${rows.join("")}</tbody></table>${scriptHtml(zoomInPage, { sides: ZOOM })}</div>`,
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

/** Runs in the reader's browser: a click on a picture shows it large, the next click (or Escape) puts it away. */
function zoomInPage(around: HTMLElement, { sides }: { sides: number }) {
  for (const picture of around.querySelectorAll("img")) {
    picture.style.cursor = "zoom-in";
    picture.onclick = () => {
      const dialog = document.body.appendChild(document.createElement("dialog"));
      const large = dialog.appendChild(document.createElement("img"));
      const [width, height] = [sides * picture.width, sides * picture.height];
      large.src = picture.src;
      large.style.cssText = `width: min(${width}px, 90vw, 80vh * ${width / height}); display: block; border-radius: 4px`;
      const caption = dialog.appendChild(document.createElement("p"));
      caption.textContent = picture.parentElement!.textContent;
      caption.style.cssText = "margin: 10px 0 0; text-align: center; font: 15px sans-serif";
      dialog.style.cssText =
        "margin: auto; padding: 14px; border: none; border-radius: 8px; background: #fff; color: #222; cursor: zoom-out; box-shadow: 0 8px 40px rgba(0, 0, 0, .5)";
      dialog.onclick = () => dialog.close();
      dialog.onclose = () => dialog.remove();
      dialog.showModal();
    };
  }
}

function isPixels(image: GridImage["image"]): image is RgbImage {
  return typeof image !== "string" && !(image instanceof Uint8Array);
}
