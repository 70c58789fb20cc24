import { Budget } from "../common/budget";
import type { GraphFunction } from "../tensorflow/graph_function";
import { holdStderr } from "../tensorflow/native_stderr";
import { Program } from "../tensorflow/program";
import { rawOp } from "../tensorflow/raw_op";
import { EngineError } from "../tensorflow/status";
import type { tf } from "../tensorflow/tf";
import { assertPixels, countPixels, decodeRgb, ImageError, type RgbImage } from "./decode";
import { decodeJpeg, encodeJpeg, type ResizeMethod, resizePixels, unpackPixels } from "./jpeg_graph";
import { isPlainJpeg, readJpegHeader } from "./jpeg_header";
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

/** Larger JPEGs gain nothing from a run together. */
const LARGEST_SHARED_PIXELS = 500_000;

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
  readonly #fromJpegs: Record<string, GraphFunction<"bytes", tf.Tensor>> = {};
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
    const plan = this.#planOfJpeg(file);
    if (plan) {
      assertPixels(plan.pixels);
      const made = await this.#run([file], plan);
      // The decoder goes on after corrupt data and only prints, for this image or one beside it: sharp can tell.
      if (made?.hadMessages) await decodeRgb(file);
      if (made) return made.jpegs[0]!;
    }
    const pixels = await countPixels(file);
    return this.#pixels.use(pixels, async () => this.#encode(await decodeRgb(file)));
  }

  /**
   * The same for several files: small JPEGs share a run of the graph, which spares a tenth of the time.
   * @returns for each file its JPEG's bytes, or why it cannot be used
   */
  async makeAll(files: readonly Uint8Array[]): Promise<(Uint8Array | ImageError)[]> {
    const results: (Uint8Array | ImageError)[] = [];
    const makeAlone = async (place: number) => {
      results[place] = await this.make(files[place]!).catch(imageErrorOf);
    };
    const makeTogether = async ({ plan, places }: { plan: Plan; places: number[] }) => {
      const made =
        places.length > 1
          ? await this.#run(
              places.map((place) => files[place]!),
              plan,
            )
          : undefined;
      if (!made || made.hadMessages) await Promise.all(places.map(makeAlone));
      else for (const [i, place] of places.entries()) results[place] = made.jpegs[i]!;
    };
    const { groups, rest } = this.#group(files);
    await Promise.all([...groups.map(makeTogether), ...rest.map(makeAlone)]);
    return results;
  }

  /** Frees the graph. No call may be under way. */
  dispose(): void {
    this.#stderr.release((line) => DECODER_MESSAGE.test(line));
    this.#program.dispose();
  }

  /** Small JPEGs by what is to be done with them. */
  #group(files: readonly Uint8Array[]): { groups: { plan: Plan; places: number[] }[]; rest: number[] } {
    const groups = new Map<string, { plan: Plan; places: number[] }>();
    const rest: number[] = [];
    for (const [place, file] of files.entries()) {
      const plan = this.#planOfJpeg(file);
      if (!plan || plan.pixels > LARGEST_SHARED_PIXELS) rest.push(place);
      else {
        const key = `${plan.method}_${plan.ratio}`;
        const { places = [] } = groups.get(key) ?? {};
        groups.set(key, { plan, places: [...places, place] });
      }
    }
    return { groups: [...groups.values()], rest };
  }

  /** @returns undefined where TensorFlow's decoder refuses one of the files */
  async #run(
    files: readonly Uint8Array[],
    plan: Plan,
  ): Promise<{ jpegs: Uint8Array[]; hadMessages: boolean } | undefined> {
    return this.#pixels.use(plan.pixels * files.length, async () => {
      const messageBytes = this.#stderr.writtenBytes();
      try {
        const jpegs = await bytesOf(this.#jpegFunction(plan, files.length).run({ bytes: files }));
        return { jpegs, hadMessages: this.#stderr.writtenBytes() !== messageBytes };
      } catch (error) {
        if (error instanceof EngineError) return undefined;
        throw error;
      }
    });
  }

  async #encode({ data, width, height }: RgbImage): Promise<Uint8Array> {
    const { method } = this.#planOf(width, height);
    const f = this.#pixelFunction(method);
    return (await bytesOf(f.run({ bytes: [data], shape: [height, width, 3] })))[0]!;
  }

  #jpegFunction({ method, ratio }: Plan, count: number): GraphFunction<"bytes", tf.Tensor> {
    const name = `jpeg_${method}_${ratio}_x${count}`;
    this.#fromJpegs[name] ??= this.#program.function(
      name,
      ({ bytes }) => {
        const files = rawOp("Unpack", [bytes], { num: count });
        const jpegs = files.map((file) => this.#resizeAndEncode(decodeJpeg(file, ratio), method));
        return rawOp("Pack", jpegs, { N: count })[0]!;
      },
      { bytes: { shape: [count], dtype: "string" } },
    );
    return this.#fromJpegs[name];
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

  /** @returns undefined for what is no JPEG, or one that TensorFlow's decoder would not show as a person sees it */
  #planOfJpeg(file: Uint8Array): Plan | undefined {
    const header = readJpegHeader(file);
    if (!header || !isPlainJpeg(header)) return undefined;
    return this.#planOf(header.width, header.height);
  }

  #planOf(width: number, height: number): Plan {
    const pixels = width * height;
    const { imageSizePx, decoding } = this.#settings;
    const { method } = resizePlan(width, height, imageSizePx);
    if (method !== "area") return { method, ratio: 1, pixels };
    const shorter = Math.min(width, height);
    const ratio = decoding === "full" ? 1 : (REDUCTIONS.find((by) => shorter / by > imageSizePx) ?? 1);
    const isHalved = [width, height].every((side) => Math.ceil(side / ratio) === 2 * imageSizePx);
    return { method: isHalved ? "halve" : "area", ratio, pixels };
  }
}

/** What libjpeg and TensorFlow's wrapper of it print. */
const DECODER_MESSAGE = /JPEG|JFIF|jpeg_mem|Input file read error|progression|SOS|absl::InitializeLog/;

const BYTES = { shape: [], dtype: "string" } as const;
const IMAGE_SHAPE = { shape: [3], dtype: "int32" } as const;

/** What is done with an image. */
interface Plan {
  method: ResizeMethod;
  /** How much a JPEG is reduced while it is decoded. */
  ratio: number;
  /** Of the source. */
  pixels: number;
}

function imageErrorOf(error: unknown): ImageError {
  if (error instanceof ImageError) return error;
  throw error;
}

async function bytesOf(run: Promise<{ data: unknown }>): Promise<Uint8Array[]> {
  return (await run).data as Uint8Array[];
}
