// Draws one picture of the demo as JPEG or PNG.
import sharp from "sharp";
import type { RandomStream } from "../../common/random";
import { type IconSet, iconSvg } from "./icon_set";

/** Size and format of a picture. */
export interface PicturePlan {
  widthPx: number;
  heightPx: number;
  format: "jpg" | "png";
}

const SIDE_PX = { least: 96, most: 320 };
const JPEG_QUALITY = 92;
const PNG_SHARE = 0.3;
// Some pictures get a margin on two sides, so that resizing also sees images that are not square.
const MARGIN = { share: 0.25, most: 0.35 };
// Pixel values below this count as ink on white.
const INK_BELOW = 247;

/**
 * Chooses size and format of one picture. Every random number is always drawn, so that one choice does not shift the
 * next.
 */
export function planPicture(random: RandomStream, jpegOnly: boolean): PicturePlan {
  const sidePx = random.integer(SIDE_PX.least, SIDE_PX.most);
  const withMargin = random.uniform() < MARGIN.share;
  const longSidePx = Math.round(sidePx * (1 + MARGIN.most * random.uniform()));
  const wide = random.uniform() < 0.5;
  const isPng = random.uniform() < PNG_SHARE;
  return {
    widthPx: withMargin && wide ? longSidePx : sidePx,
    heightPx: withMargin && !wide ? longSidePx : sidePx,
    format: isPng && !jpegOnly ? "png" : "jpg",
  };
}

/**
 * Draws an icon on white.
 * @returns the encoded file
 * @throws Error if the SVG cannot be read, or if the picture is blank
 */
export async function drawPicture(set: IconSet, icon: string, plan: PicturePlan): Promise<Buffer> {
  const svg = Buffer.from(iconSvg(set, icon, plan.widthPx, plan.heightPx));
  const { data, info } = await sharp(svg)
    .flatten({ background: "#ffffff" })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (data.every((value) => value >= INK_BELOW)) throw new Error("blank");
  const picture = sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
  return plan.format === "png"
    ? picture.png().toBuffer()
    : picture.jpeg({ quality: JPEG_QUALITY }).toBuffer();
}
