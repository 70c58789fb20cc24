// Draws the points of an atlas into pixels: in the page at every redraw, in the kernel for the still picture. Plain
// writes into memory are faster here than WebGL without a graphics card (`npm run bench atlas`).

/** @typedef {import("../notebook/atlas/page").AtlasFrame} AtlasFrame */
/** @typedef {import("../notebook/atlas/page").AtlasMarks} AtlasMarks */
/** @typedef {import("../notebook/atlas/page").AtlasZoom} AtlasZoom */
/** @typedef {{ solid: Int32Array, soft: Int32Array, cover: Int32Array }} Stamp pixels of a shape, as offsets */

/**
 * Draws the points; those that are selected last. Pixels are red, green, blue, opacity from the lowest byte.
 * @param {AtlasFrame} frame
 * @param {AtlasMarks} points
 * @param {AtlasZoom} zoom
 */
export default function atlasPixels({ pixels, width, height, margin }, points, { scale, left, top, radius }) {
  const { places, colours, shapes, marks } = points;
  const stride = width + 2 * margin;
  const sizes = [1, 1.4, 4]; // of a circle, a diamond, a star
  const faint = 0.16;
  const isSelected = 1;

  /** How far inside of a shape a pixel's middle is, in pixels. @type {((x: number, y: number) => number)[]} */
  const depths = [
    (x, y) => radius * sizes[0] - Math.hypot(x, y),
    (x, y) => (radius * sizes[1] - Math.abs(x) - Math.abs(y)) * Math.SQRT1_2,
    (x, y) => {
      const fifth = (2 * Math.PI) / 5;
      const turned = Math.atan2(x, -y) + 2 * Math.PI;
      const angle = Math.abs((turned % fifth) - fifth / 2);
      // The edge of a star goes from its tip (angle fifth / 2) to its inner corner (angle 0).
      const [tip, corner] = [radius * sizes[2], radius * sizes[2] * 0.42];
      const [tipX, tipY] = [tip * Math.cos(fifth / 2), tip * Math.sin(fifth / 2)];
      const [edgeX, edgeY] = [tipX - corner, tipY];
      const [pointX, pointY] = [Math.hypot(x, y) * Math.cos(angle), Math.hypot(x, y) * Math.sin(angle)];
      return (edgeX * pointY - edgeY * (pointX - corner)) / Math.hypot(edgeX, edgeY);
    },
  ];

  /** @param {number} shape @param {number} strength @returns {Stamp} */
  const stampOf = (shape, strength) => {
    const reach = Math.min(margin / 2, Math.ceil(radius * sizes[shape]) + 1);
    /** @type {[number[], number[], number[]]} */
    const [solid, soft, cover] = [[], [], []];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const share = Math.min(1, Math.max(0, depths[shape](x, y) + 0.5)) * strength;
        if (share > 0.97) solid.push(y * stride + x);
        else if (share > 0.03) {
          soft.push(y * stride + x);
          cover.push(Math.round(share * 256));
        }
      }
    }
    return { solid: Int32Array.from(solid), soft: Int32Array.from(soft), cover: Int32Array.from(cover) };
  };

  /** Puts a colour over another one. @param {number} below @param {number} colour @param {number} cover of 256 */
  const over = (below, colour, cover) => {
    const opacity = below >>> 24;
    if (opacity === 0) return ((colour & 0xffffff) | (Math.min(255, cover) << 24)) >>> 0;
    // Of 256 parts, those of the new colour; two channels at once, rounded.
    const all = cover + ((opacity * (256 - cover)) >> 8);
    const part = opacity === 255 ? cover : Math.round((256 * cover) / all);
    const mixed = (/** @type {number} */ mask, /** @type {number} */ half) =>
      (((colour >>> half) & mask) * part + ((below >>> half) & mask) * (256 - part) + 0x800080) >>> 8;
    const redBlue = mixed(0xff00ff, 0) & 0xff00ff;
    const green = mixed(0xff, 8) & 0xff;
    return (redBlue | (green << 8) | (Math.min(255, all) << 24)) >>> 0;
  };

  /** @param {number} mark the points to draw @param {number} strength 1: opaque */
  const drawMarked = (mark, strength) => {
    const stamps = sizes.map((_, shape) => stampOf(shape, strength));
    for (let i = 0; i < shapes.length; i++) {
      if (marks[i] !== mark) continue;
      const x = Math.round(places[2 * i] * width * scale + left);
      const y = Math.round(places[2 * i + 1] * height * scale + top);
      if (x < -margin / 2 || y < -margin / 2 || x >= width + margin / 2 || y >= height + margin / 2) continue;
      const at = (y + margin) * stride + x + margin;
      const { solid, soft, cover } = stamps[shapes[i]];
      const colour = colours[i];
      for (let j = 0; j < solid.length; j++) pixels[at + solid[j]] = colour;
      for (let j = 0; j < soft.length; j++)
        pixels[at + soft[j]] = over(pixels[at + soft[j]], colour, cover[j]);
    }
  };

  pixels.fill(0);
  drawMarked(0, marks.includes(isSelected) ? faint : 1);
  drawMarked(isSelected, 1);
}
