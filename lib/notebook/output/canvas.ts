// A minimal canvas for plotly's heat maps: jsdom has none.
import type { DOMWindow } from "jsdom";
import sharp from "sharp";

/** RGBA pixels, rows from the top. */
interface Pixels {
  data: Uint8ClampedArray;
  width: number;
  height: number;
}

/** Size to which cells are enlarged with sharp edges: renderers blur small pictures when enlarging them. */
const SHARP_SIZE_PX = 600;

/**
 * Adds canvases to a jsdom window. A canvas returns a placeholder data address for its pixels.
 * @returns a function that replaces these addresses in an SVG by PNGs (encoding is asynchronous)
 */
export function installCanvas(window: DOMWindow): (svg: string) => Promise<string> {
  const painted = new Map<string, Pixels>();
  const pixelsOf = new WeakMap<object, Pixels>();
  Object.assign(window.HTMLCanvasElement.prototype, {
    getContext(this: object) {
      return {
        createImageData: (width: number, height: number): Pixels => ({
          data: new Uint8ClampedArray(4 * width * height),
          width,
          height,
        }),
        putImageData: (pixels: Pixels) => pixelsOf.set(this, pixels),
        measureText: () => ({ width: 0 }),
      };
    },
    toDataURL(this: object) {
      const address = `data:image/png;base64,canvas-${painted.size}-`;
      painted.set(address, pixelsOf.get(this) ?? { data: new Uint8ClampedArray(4), width: 1, height: 1 });
      return address;
    },
  });
  return async (svg) => {
    let whole = svg;
    for (const [address, pixels] of painted) {
      if (whole.includes(address)) whole = whole.replaceAll(address, await pngAddress(pixels));
    }
    painted.clear();
    return whole;
  };
}

async function pngAddress({ data, width, height }: Pixels): Promise<string> {
  const factor = Math.max(1, Math.ceil(SHARP_SIZE_PX / Math.max(width, height)));
  const png = await sharp(data, { raw: { width, height, channels: 4 } })
    .resize(width * factor, height * factor, { kernel: "nearest", fit: "fill" })
    .png({ palette: true })
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
