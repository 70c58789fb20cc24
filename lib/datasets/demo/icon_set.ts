// Reads one vendor's drawings as SVG.
import { z } from "zod";
import { readJson } from "../../common/files/files";

/** The drawings of one vendor, in Iconify's JSON format (https://iconify.design/docs/types/iconify-json.html). */
export interface IconSet {
  icons: Record<string, Icon>;
  aliases?: Record<string, IconAlias>;
  /** Default box of icons that do not set their own. */
  left?: number;
  top?: number;
  width?: number;
  height?: number;
}

interface IconBox {
  left?: number;
  top?: number;
  width?: number;
  height?: number;
  /** Quarter turns. */
  rotate?: number;
  hFlip?: boolean;
  vFlip?: boolean;
}

interface Icon extends IconBox {
  /** SVG elements, without the svg element around them. */
  body: string;
}

interface IconAlias extends IconBox {
  parent: string;
}

const SIDE = z.number().optional();
const PLACE = { left: SIDE, top: SIDE, width: SIDE, height: SIDE };
const BOX = { ...PLACE, rotate: SIDE, hFlip: z.boolean().optional(), vFlip: z.boolean().optional() };
const ICON_SET = z.object({
  icons: z.record(z.string(), z.object({ ...BOX, body: z.string() })),
  aliases: z.record(z.string(), z.object({ ...BOX, parent: z.string() })).optional(),
  ...PLACE,
}) satisfies z.ZodType<IconSet>;

/** Iconify's default for an icon's width and height. */
const DEFAULT_SIDE = 16;

/** Reads a vendor's icon set from its npm package. */
export function readIconSet(packageName: string): IconSet {
  return readJson(require.resolve(`${packageName}/icons.json`), ICON_SET, "Run `npm run setup`.");
}

/**
 * Returns an icon as an SVG document of the given size. The icon keeps its aspect ratio and is centred; the rest is
 * transparent.
 */
export function iconSvg(set: IconSet, name: string, widthPx: number, heightPx: number): string {
  const icon = resolveIcon(set, name);
  const { left = set.left ?? 0, top = set.top ?? 0 } = icon;
  const { width = set.width ?? DEFAULT_SIDE, height = set.height ?? DEFAULT_SIDE, rotate = 0 } = icon;
  const [boxWidth, boxHeight] = rotate % 2 === 0 ? [width, height] : [height, width];
  // Flips first, then turns, about the icon's middle: Iconify's order.
  const transform =
    `translate(${boxWidth / 2} ${boxHeight / 2}) rotate(${90 * rotate}) ` +
    `scale(${icon.hFlip ? -1 : 1} ${icon.vFlip ? -1 : 1}) translate(${-left - width / 2} ${-top - height / 2})`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
    `width="${widthPx}" height="${heightPx}" viewBox="0 0 ${boxWidth} ${boxHeight}">` +
    `<g transform="${transform}">${icon.body}</g></svg>`
  );
}

/** Resolves aliases: their boxes override the parent's, turns add up, and two flips cancel each other. */
function resolveIcon(set: IconSet, name: string): Icon {
  const icon = set.icons[name];
  if (icon) return icon;
  const alias = set.aliases?.[name];
  if (!alias) throw new Error(`The icon set has neither an icon nor an alias named "${name}".`);
  const { parent, ...box } = alias;
  const base = resolveIcon(set, parent);
  return {
    ...base,
    ...box,
    rotate: (base.rotate ?? 0) + (box.rotate ?? 0),
    hFlip: (base.hFlip ?? false) !== (box.hFlip ?? false),
    vFlip: (base.vFlip ?? false) !== (box.vFlip ?? false),
  };
}
