// Images with valid headers that are expensive to decode: many scans, many pixels.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const { repeatLastScan } = require(join(root, "build/test/images/make.js"));

/** Side of the largest square image that a service accepts. */
const LARGEST_SIDE_PX = 5650;

/**
 * Returns a grey progressive JPEG with its last scan (76 bytes) repeated 200 times: 34 s to decode, were it decoded.
 */
export const repeatedScans = () => scans(5600, 5700, 200);

/** Returns about the slowest JPEG that is still decoded: 80 scans of 20 million pixels. */
export const permittedScans = () => scans(5000, 4000, 70);

async function scans(width, height, times) {
  const grey = sharp({ create: { width, height, channels: 3, background: "#5a5a5a" } }).greyscale();
  return repeatLastScan(await grey.jpeg({ progressive: true, quality: 50 }).toBuffer(), times);
}

/** Returns the largest image that is still decoded, in each format: name -> bytes. */
export async function largestImages() {
  const [width, height] = [LARGEST_SIDE_PX, LARGEST_SIDE_PX];
  const image = () => sharp({ create: { width, height, channels: 3, background: "#456" } });
  const formats = { jpeg: {}, png: {}, webp: { effort: 0 }, gif: {}, tiff: { compression: "deflate" } };
  const entries = Object.entries(formats).map(async ([format, options]) => [
    format,
    await image().toFormat(format, options).toBuffer(),
  ]);
  return Object.fromEntries([...(await Promise.all(entries)), ["bmp", greyBmp(width, height)]]);
}

/** Returns a black BMP of 8 bits per pixel. */
function greyBmp(width, height) {
  const stride = Math.ceil(width / 4) * 4;
  const file = Buffer.alloc(54 + 1024 + stride * height);
  file.write("BM");
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54 + 1024, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(8, 28);
  file.writeUInt32LE(256, 46);
  return file;
}
