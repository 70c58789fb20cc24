// The script of a thread that prepares images: reads, decodes, augments and normalises them into shared memory. It
// calls the engine's traced functions by their addresses: tfjs is not loaded here. S is the side of a part, V parts.
import { workerData } from "node:worker_threads";
import { serveTasks } from "../../common/threads";
import { callHandle } from "../../tensorflow/function_handle";
import { EngineError } from "../../tensorflow/status";
import { decodeRgb, ImageError, ImageFileReader, type RgbImage } from "../decode";
import type { JpegDecoders } from "../jpeg/decoder";
import { jpegPlan, planName } from "../jpeg/plan";
import { resizeBilinear, resizePlan, resizeRgb } from "../resize";
import { augmentInto } from "./augment";
import { type Normalisation, normalisedTable, plainTable, type Values, type ValueTable } from "./value_table";
import { cropSquare, type ImagePart } from "./views";

/** What the threads are started with. */
export interface ImageThreadData {
  /** Side of a decoded image, squashed to a square. */
  decodedSizePx: number;
  /** For that size. */
  decoders: JpegDecoders;
}

/** An image to be prepared. */
export interface ImageJob {
  path: string;
  /** S */
  imageSizePx: number;
  parts: readonly ImagePart[];
  /** Without, pixels stay bytes. */
  normalisation: Normalisation | undefined;
  /** Where the parts go, one behind the other, in shared memory: [V, S, S, 3], float32 or uint8. */
  result: Values;
}

const { decodedSizePx, decoders } = workerData as ImageThreadData;
const reader = new ImageFileReader();

/** A job's result is the reason why its image cannot be used, if it cannot. */
serveTasks(async ({ path, result, normalisation, ...job }: ImageJob): Promise<string | undefined> => {
  const use = (image: RgbImage) => {
    if (result instanceof Float32Array) writeParts(image, job, normalisedTable(normalisation!), result);
    else writeParts(image, job, plainTable(), result);
  };
  try {
    const file = reader.read(path);
    if (!lendJpeg(file, use)) use(await decodeBySharp(file));
  } catch (error) {
    if (error instanceof ImageError) return error.message;
    throw error;
  }
  return undefined;
});

function writeParts<V extends Values>(
  image: RgbImage,
  { parts, imageSizePx }: Pick<ImageJob, "parts" | "imageSizePx">,
  table: ValueTable<V>,
  result: V,
): void {
  const valuesPerPart = 3 * imageSizePx ** 2;
  for (const [i, { left, top, plan }] of parts.entries()) {
    augmentInto(cropSquare(image, left, top, imageSizePx), plan, table, result, i * valuesPerPart);
  }
}

/** Lends the pixels of a JPEG; false for what sharp has to decode or refuse. */
function lendJpeg(file: Uint8Array, use: (image: RgbImage) => void): boolean {
  const plan = jpegPlan(file, decodedSizePx);
  if (!plan) return false;
  const decoder = decoders[planName(plan)]!;
  try {
    callHandle(decoder, { bytes: [file] }, ([pixels]) =>
      use({ data: pixels!.data as Uint8Array, width: decodedSizePx, height: decodedSizePx }),
    );
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

/** Under the resize rule if preprocessing has not done so already, then squashed (bilinear), as the original. */
async function decodeBySharp(file: Uint8Array): Promise<RgbImage> {
  const decoded = await decodeRgb(file);
  const bounded = resizeRgb(decoded, resizePlan(decoded.width, decoded.height));
  return resizeBilinear(bounded, decodedSizePx, decodedSizePx);
}
