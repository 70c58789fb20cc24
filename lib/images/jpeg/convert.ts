// Converts any image file to a JPEG under the resize rule.
import type { SharedLock } from "../../common/shared_lock";
import { writtenBytes } from "../../engine/native/native_stderr";
import { callHandle, type FunctionHandle } from "../../engine/program/function_handle";
import { countPixels, decodeRgb } from "../decode";
import { resizeByRule } from "../input_square";
import { isPlainJpeg } from "../pixels/jpeg_header";
import { openJpeg } from "../pixels/open_jpeg";
import type { RgbImage } from "../pixels/rgb_image";
import type { PixelRule } from "../readers/options";
import { withDecodedPixels } from "./with_pixels";

/** What decides the pixels of a JPEG. */
export interface JpegSettings {
  /** Longest side of an image that is kept as it is. */
  imageSizePx: number;
  /** 1..100 */
  jpegQuality: number;
  /**
   * "full": OpenCV's pixels. "reduced": large JPEGs are decoded at 1/2, 1/4 or 1/8 of their size, faster, some 2-3 of
   * 255 away from OpenCV's.
   */
  decoding: "full" | "reduced";
  /** "shown" unless given. */
  pixels?: PixelRule;
}

/** DecodeJpeg can give 1/ratio of the size. */
export const RATIOS = [8, 4, 2, 1] as const;
type Ratio = (typeof RATIOS)[number];

/** TensorFlow's decoder and encoder as plain data (tfjs, which traces them, cannot be loaded in threads). */
export interface SharedJpegEngine {
  /** bytes -> uint8 [H, W, 3] */
  decode: Readonly<Record<Ratio, FunctionHandle>>;
  /** bytes of pixels, shape [h, w, 3] -> the JPEG's bytes */
  encode: FunctionHandle;
  /** Where the decoder's messages go. */
  stderr: bigint;
}

/** Larger images are decoded one at a time, whatever the number of threads: 3 bytes a pixel, more by sharp. */
const LARGE_PIXELS = 32_000_000;

/**
 * Makes JPEGs of image files, on the thread that calls it. JPEGs are decoded by TensorFlow's kernel; all other formats,
 * and JPEGs that are CMYK, turned by EXIF or refused there, by `decodeRgb`. From there on all go the same way.
 */
export class JpegConverter {
  readonly #settings: JpegSettings;
  readonly #engine: SharedJpegEngine;
  readonly #large: SharedLock;

  /** @param large held while one of the threads decodes a large image */
  constructor(settings: JpegSettings, engine: SharedJpegEngine, large: SharedLock) {
    this.#settings = settings;
    this.#engine = engine;
    this.#large = large;
  }

  /**
   * @param file an image file's bytes
   * @returns the JPEG's bytes
   * @throws ImageError with the reason for an image that cannot be used
   */
  async make(file: Uint8Array): Promise<Uint8Array> {
    return this.process(file, (image) => this.#encode(image));
  }

  /**
   * Brings an image under the resize rule.
   * @param use takes the pixels before they become a JPEG, where they lie: it must not keep them
   * @throws ImageError as `make`
   */
  async process<T>(file: Uint8Array, use: (image: RgbImage) => T): Promise<T> {
    const byEngine = await this.#byEngine(file, use);
    if (byEngine) return byEngine.result;
    const pixels = await countPixels(file);
    const options = { pixels: this.#settings.pixels ?? "shown" };
    return this.#alone(pixels, async () => use(this.#resize(await decodeRgb(file, options))));
  }

  /** @returns undefined for what is no JPEG, or one that TensorFlow's decoder refuses or would not show as a person sees it */
  async #byEngine<T>(bytes: Uint8Array, use: (image: RgbImage) => T): Promise<{ result: T } | undefined> {
    const jpeg = openJpeg(bytes);
    if (!jpeg || !isPlainJpeg(jpeg.header)) return undefined;
    const { header, file } = jpeg;
    const decode = this.#engine.decode[this.#ratioFor(header)];
    const messageBytes = writtenBytes(this.#engine.stderr);
    const made = await this.#alone(header.width * header.height, () =>
      withDecodedPixels(decode, file, (image) => use(this.#resize(image))),
    );
    // The decoder goes on after corrupt data and only prints, for this image or one beside it: sharp can tell.
    if (made && writtenBytes(this.#engine.stderr) !== messageBytes) await decodeRgb(file);
    return made;
  }

  async #alone<T>(pixels: number, work: () => T | Promise<T>): Promise<T> {
    return pixels > LARGE_PIXELS ? this.#large.hold(work) : work();
  }

  #encode({ data, width, height }: RgbImage): Uint8Array {
    const pixels = { bytes: [data], shape: [height, width, 3] };
    return callHandle(this.#engine.encode, pixels, ([jpeg]) => (jpeg!.data as readonly Uint8Array[])[0]!);
  }

  #resize(image: RgbImage): RgbImage {
    return resizeByRule(image, this.#settings.imageSizePx);
  }

  #ratioFor({ width, height }: { width: number; height: number }): Ratio {
    const { imageSizePx, decoding } = this.#settings;
    if (decoding === "full") return 1;
    return RATIOS.find((ratio) => Math.min(width, height) / ratio > imageSizePx) ?? 1;
  }
}
