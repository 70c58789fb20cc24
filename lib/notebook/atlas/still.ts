// The still picture of an atlas, for readers without a kernel: the pixels that the page would draw.
import sharp from "sharp";
import { browserCode } from "../../common/browser_files";
import { escapeHtml } from "../../common/html";
import type { Still } from "../widgets/widget";
import type { AtlasState, DrawAtlas } from "./page";

const [WIDTH, HEIGHT, MARGIN] = [1200, 800, 64];
const SHOWN_WIDTH = 720;
const PLACED_COLOUR = "#e6007a";
const PNG_COLOURS = 128;

/** Draws the map and colouring that the state names. */
export async function atlasStill(state: AtlasState): Promise<Still> {
  const { title, maps, places, shapes, placedNames, colourings, groups, map, colouring } = state;
  const { name, groups: named, isNamed } = colourings[colouring]!;
  const stride = WIDTH + 2 * MARGIN;
  const pixels = new Uint32Array(stride * (HEIGHT + 2 * MARGIN));
  const count = groups[colouring]!.length;
  const colourOf = (point: number) =>
    point < count ? named[groups[colouring]![point]!]!.colour : PLACED_COLOUR;
  const colours = Uint32Array.from(shapes, (_, point) => pixelOf(colourOf(point)));
  const marks = new Uint8Array(shapes.length);
  browserCode<DrawAtlas>("atlas_pixels")(
    { pixels, width: WIDTH, height: HEIGHT, margin: MARGIN },
    { places: places[map]!, colours, shapes, marks },
    { scale: 1, left: 0, top: 0, radius: count > 5_000 ? 3 : 4.5 },
  );
  const raw = { width: stride, height: HEIGHT + 2 * MARGIN, channels: 4 } as const;
  const png = await sharp(Buffer.from(pixels.buffer), { raw })
    .extract({ left: MARGIN, top: MARGIN, width: WIDTH, height: HEIGHT })
    .png({ palette: true, colours: PNG_COLOURS, effort: 7 })
    .toBuffer();
  const source = `data:image/png;base64,${png.toString("base64")}`;
  const about = `${title}. Map: ${maps[map]}; colour: ${name}.`;
  const legend = [
    ...(isNamed ? named : []),
    ...placedNames.map((placed) => ({ name: `★ ${placed}`, colour: PLACED_COLOUR })),
  ].map(
    (group) =>
      `<span style="margin-right: 12px"><font color="${group.colour}">●</font> ${escapeHtml(group.name)}</span>`,
  );
  return {
    html: `<div><b>${escapeHtml(about)}</b><br><img src="${source}" width="${SHOWN_WIDTH}" alt="${escapeHtml(about)}"><br>${legend.join(" ")}</div>`,
    text: about,
  };
}

/** Returns "#rrggbb" as a pixel: red, green, blue, opacity from the lowest byte. */
function pixelOf(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return (red! | (green! << 8) | (blue! << 16) | 0xff000000) >>> 0;
}
