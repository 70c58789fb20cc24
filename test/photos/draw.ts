// Draws photos of a few classes: each class has a colour and a shape of its own, each photo its own shade and place.
import { join } from "node:path";
import sharp from "sharp";
import { writeFile } from "../folders";

/** Draws `count` photos of each class into `folder/<class>/<n>.png`. */
export async function drawClasses(folder: string, classes: readonly string[], count: number): Promise<void> {
  for (const [c, name] of classes.entries())
    for (let n = 0; n < count; n++)
      writeFile(join(folder, name, `${n}.png`), await picture(c, classes.length, n));
}

function picture(c: number, classes: number, n: number): Promise<Buffer> {
  const hue = Math.round((360 * c) / classes);
  const [x, y, size] = [8 + ((5 * n) % 17), 8 + ((3 * n) % 13), 24 + (n % 5)];
  const shape =
    c % 2 === 0
      ? `<rect x="${x}" y="${y}" width="${size}" height="${size}"`
      : `<circle cx="${x + 12}" cy="${y + 12}" r="${size / 2}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="hsl(${hue} 30% ${85 - n}%)"/>${shape} fill="hsl(${hue} 90% ${40 + n}%)"/></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}
