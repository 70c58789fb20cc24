// Converts any image file to a JPEG, resized by the resize rule.
import type { SharedLock } from "../../common/parallel/shared_lock";
import type { ResizeMode } from "../../config/model";
import { writtenBytes } from "../../engine/native/native_stderr";
import { callHandle, type FunctionHandle } from "../../engine/program/function_handle";
import { countPixels, decodeRgb } from "../decode";
import { resizeByRule } from "../input_square";
import { isPlainJpeg } from "../pixels/jpeg_header";
import { openJpeg } from "../pixels/open_jpeg";
import type { RgbImage } from "../pixels/rgb_image";
import type { PixelRule } from "../readers/options";
import { withDecodedPixels } from "./with_pixels";

/** Settings that decide the pixels of a JPEG. */
export interface JpegSettings {
  /** Longest side of an image that keeps its size. */
  imageSizePx: number;
  /** How an image becomes a square first. Default: "squash". */
  resizeMode?: ResizeMode;
  /** 1..100 */
  jpegQuality: number;
  /**
   * "full": OpenCV's pixels. "reduced": large JPEGs are decoded at 1/2, 1/4 or 1/8 of their size, which is faster and
   * differs from OpenCV's pixels by about 2-3 of 255.
   */
  decoding: "full" | "reduced";
  /** Default: "shown". */
  pixels?: PixelRule;
}

/** Ratios of DecodeJpeg, which can decode at 1/ratio of the size. */
export const RATIOS = [8, 4, 2, 1] as const;
type Ratio = (typeof RATIOS)[number];

/** TensorFlow's decoder and encoder as plain data, since threads cannot load tfjs, which traces them. */
export interface SharedJpegEngine {
  /** bytes -> uint8 [H, W, 3] */
  decode: Readonly<Record<Ratio, FunctionHandle>>;
  /** bytes of pixels, shape [h, w, 3] -> the JPEG's bytes */
  encode: FunctionHandle;
  /** Stream that takes the decoder's messages. */
  stderr: bigint;
}

/** Size above which images are decoded one at a time in all threads: a pixel takes 3 bytes, more in sharp. */
const LARGE_PIXELS = 32_000_000;

/**
 * Converts image files to JPEGs on the calling thread. TensorFlow's kernel decodes JPEGs; `decodeRgb` decodes all other
 * formats, and JPEGs that are CMYK, rotated by EXIF or refused by the kernel.
 */
export class JpegConverter {
  readonly #settings: JpegSettings;
  readonly #engine: SharedJpegEngine;
  readonly #large: SharedLock;

  /** @param large lock that a thread holds while it decodes a large image */
  constructor(settings: JpegSettings, engine: SharedJpegEngine, large: SharedLock) {
    this.#settings = settings;
    this.#engine = engine;
    this.#large = large;
  }

  /**
   * Converts an image.
   * @param file the image file's bytes
   * @returns the JPEG's bytes
   * @throws ImageError with the reason for an image that cannot be used
   */
  async convert(file: Uint8Array): Promise<Uint8Array> {
    return this.withResized(file, (image) => this.#encode(image));
  }

  /**
   * Decodes and resizes an image.
   * @param use gets the pixels in temporary memory: it must not keep them
   * @throws ImageError as `convert`
   */
  async withResized<T>(file: Uint8Array, use: (image: RgbImage) => T): Promise<T> {
    const byEngine = await this.#byEngine(file, use);
    if (byEngine) return byEngine.result;
    const pixels = await countPixels(file);
    const options = { pixels: this.#settings.pixels ?? "shown" };
    return this.#limitLarge(pixels, async () => use(this.#resize(await decodeRgb(file, options))));
  }

  /** Uses TensorFlow's decoder. @returns undefined for a file that it does not decode, or not as a person sees it */
  async #byEngine<T>(bytes: Uint8Array, use: (image: RgbImage) => T): Promise<{ result: T } | undefined> {
    const jpeg = openJpeg(bytes);
    if (!jpeg || !isPlainJpeg(jpeg.header)) return undefined;
    const { header, file } = jpeg;
    const decode = this.#engine.decode[this.#ratioFor(header)];
    const messageBytes = writtenBytes(this.#engine.stderr);
    const made = await this.#limitLarge(header.width * header.height, () =>
      withDecodedPixels(decode, file, (image) => use(this.#resize(image))),
    );
    // After corrupt data the decoder goes on and only prints, for this image or one in another thread: sharp decides.
    if (made && writtenBytes(this.#engine.stderr) !== messageBytes) await decodeRgb(file);
    return made;
  }

  /** Runs `work`; for a large image only while no other thread decodes one. */
  async #limitLarge<T>(pixels: number, work: () => T | Promise<T>): Promise<T> {
    return pixels > LARGE_PIXELS ? this.#large.hold(work) : work();
  }

  #encode({ data, width, height }: RgbImage): Uint8Array {
    const pixels = { bytes: [data], shape: [height, width, 3] };
    return callHandle(this.#engine.encode, pixels, ([jpeg]) => (jpeg!.data as readonly Uint8Array[])[0]!);
  }

  #resize(image: RgbImage): RgbImage {
    const { resizeMode = "squash", imageSizePx } = this.#settings;
    return resizeByRule(image, resizeMode, imageSizePx);
  }

  #ratioFor({ width, height }: { width: number; height: number }): Ratio {
    const { imageSizePx, decoding } = this.#settings;
    if (decoding === "full") return 1;
    return RATIOS.find((ratio) => Math.min(width, height) / ratio > imageSizePx) ?? 1;
  }
}
