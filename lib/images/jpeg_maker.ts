import { Budget } from "../common/budget";
import type { GraphFunction } from "../tensorflow/graph_function";
import { holdStderr } from "../tensorflow/native_stderr";
import { Program } from "../tensorflow/program";
import { EngineError } from "../tensorflow/status";
import type { tf } from "../tensorflow/tf";
import { assertPixels, countPixels, decodeRgb, type RgbImage } from "./decode";
import { decodeJpeg, encodeJpeg, type ResizeMethod, resizePixels, unpackPixels } from "./jpeg_graph";
import { type JpegHeader, readJpegHeader } from "./jpeg_header";
import { resizePlan } from "./resize";

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
}

/** DecodeJpeg can give 1/ratio of the size, largest first. */
const REDUCTIONS = [8, 4, 2] as const;

/** Memory of the images under work at once: about 12 bytes for each of these. */
const PIXELS_PER_IMAGE = 16_000_000;

/**
 * Makes JPEGs of image files. JPEGs go through one graph of TensorFlow's kernels (decode, resize, encode); all other
 * formats, and JPEGs that are CMYK, turned by EXIF or refused there, are decoded by sharp or jimp and go through the
 * same graph from there on: the pixels of both ways agree. Calls may overlap. `dispose()` frees it.
 */
export class JpegMaker {
  readonly #settings: JpegSettings;
  readonly #program = new Program({ cpuOnly: true });
  readonly #fromJpeg: Record<string, GraphFunction<"bytes", tf.Tensor>> = {};
  readonly #fromPixels: Record<string, GraphFunction<"bytes" | "shape", tf.Tensor>> = {};
  readonly #stderr = holdStderr();
  readonly #pixels: Budget;

  /** @param concurrency how many calls overlap: as many of 16 megapixels are under work, or fewer larger ones */
  constructor(settings: JpegSettings, concurrency: number) {
    this.#settings = settings;
    this.#pixels = new Budget(PIXELS_PER_IMAGE * concurrency);
  }

  /**
   * @param file an image file's bytes
   * @returns the JPEG's bytes
   * @throws ImageError with the reason for an image that cannot be used
   */
  async make(file: Uint8Array): Promise<Uint8Array> {
    const header = readJpegHeader(file);
    if (header && isPlain(header)) {
      assertPixels(header.width * header.height);
      const jpeg = await this.#pixels.use(header.width * header.height, () => this.#byEngine(file, header));
      if (jpeg) return jpeg;
    }
    const pixels = await countPixels(file);
    return this.#pixels.use(pixels, async () => this.#encode(await decodeRgb(file)));
  }

  /** Frees the graph. No call may be under way. */
  dispose(): void {
    this.#stderr.release((line) => DECODER_MESSAGE.test(line));
    this.#program.dispose();
  }

  /** @returns undefined where TensorFlow's decoder refuses the file */
  async #byEngine(file: Uint8Array, { width, height }: JpegHeader): Promise<Uint8Array | undefined> {
    const messageBytes = this.#stderr.writtenBytes();
    let jpeg: Uint8Array;
    try {
      const { method, ratio } = this.#planOf(width, height);
      jpeg = await bytesOf(this.#jpegFunction(method, ratio).run({ bytes: [file] }));
    } catch (error) {
      if (error instanceof EngineError) return undefined;
      throw error;
    }
    // The decoder goes on after corrupt data and only prints a message, for this image or one beside it: sharp tells.
    if (this.#stderr.writtenBytes() !== messageBytes) await decodeRgb(file);
    return jpeg;
  }

  #encode({ data, width, height }: RgbImage): Promise<Uint8Array> {
    const { method } = this.#planOf(width, height);
    return bytesOf(this.#pixelFunction(method).run({ bytes: [data], shape: [height, width, 3] }));
  }

  #jpegFunction(method: ResizeMethod, ratio: number): GraphFunction<"bytes", tf.Tensor> {
    const name = `jpeg_${method}_${ratio}`;
    this.#fromJpeg[name] ??= this.#program.function(
      name,
      ({ bytes }) => this.#resizeAndEncode(decodeJpeg(bytes, ratio), method),
      { bytes: BYTES },
    );
    return this.#fromJpeg[name];
  }

  #pixelFunction(method: ResizeMethod): GraphFunction<"bytes" | "shape", tf.Tensor> {
    const name = `pixels_${method}`;
    this.#fromPixels[name] ??= this.#program.function(
      name,
      ({ bytes, shape }) => this.#resizeAndEncode(unpackPixels(bytes, shape), method),
      { bytes: BYTES, shape: IMAGE_SHAPE },
    );
    return this.#fromPixels[name];
  }

  #resizeAndEncode(pixels: tf.Tensor, method: ResizeMethod): tf.Tensor {
    const { imageSizePx, jpegQuality } = this.#settings;
    return encodeJpeg(resizePixels(pixels, method, imageSizePx), jpegQuality);
  }

  /** The method, and by how much a JPEG is reduced while it is decoded. */
  #planOf(width: number, height: number): { method: ResizeMethod; ratio: number } {
    const { imageSizePx, decoding } = this.#settings;
    const { method } = resizePlan(width, height, imageSizePx);
    if (method !== "area") return { method, ratio: 1 };
    const shorter = Math.min(width, height);
    const ratio = decoding === "full" ? 1 : (REDUCTIONS.find((by) => shorter / by > imageSizePx) ?? 1);
    const isHalved = [width, height].every((side) => Math.ceil(side / ratio) === 2 * imageSizePx);
    return { method: isHalved ? "halve" : "area", ratio };
  }
}

/** What libjpeg and TensorFlow's wrapper of it print. */
const DECODER_MESSAGE = /JPEG|JFIF|jpeg_mem|Input file read error|progression|SOS|absl::InitializeLog/;

const BYTES = { shape: [], dtype: "string" } as const;
const IMAGE_SHAPE = { shape: [3], dtype: "int32" } as const;

/** Only these are decoded as sharp, and a person, would see them. */
function isPlain({ components, orientation }: JpegHeader): boolean {
  return (components === 1 || components === 3) && orientation === 1;
}

async function bytesOf(run: Promise<{ data: unknown }>): Promise<Uint8Array> {
  return ((await run).data as Uint8Array[])[0]!;
}
