// The script of a thread that prepares images: reads, decodes, augments and normalises them into shared memory.
// It calls the engine's traced functions by their addresses: tfjs is not loaded here.
import { readFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { callHandle } from "../tensorflow/function_handle";
import { EngineError } from "../tensorflow/status";
import { augmentInto } from "./augment";
import type { AugmentPlan } from "./augment_plan";
import type { JpegDecoders } from "./jpeg_decoder";
import { jpegPlan, planName } from "./jpeg_plan";
import { type Normalisation, normalisedTable } from "./value_table";

/** An image to be prepared. S is `imageSizePx`. */
export interface ImageJob {
  /** A JPEG's path, or pixels in shared memory: uint8 [S, S, 3]. */
  source: string | Uint8Array;
  imageSizePx: number;
  plan: AugmentPlan;
  normalisation: Normalisation;
  /** Where the result goes, in shared memory: float32 [S, S, 3]. */
  result: Float32Array;
}

/** A job on its way to a thread. */
export interface ImageMessage extends ImageJob {
  number: number;
  /** With the first job of an image size. */
  decoders?: JpegDecoders;
}

/** A thread's answer. */
export interface ImageAnswer {
  number: number;
  /** False for a file that the engine does not decode: it has to come as pixels. */
  done: boolean;
}

const decoders = new Map<number, JpegDecoders>();

parentPort?.on("message", (message: ImageMessage) => {
  if (message.decoders) decoders.set(message.imageSizePx, message.decoders);
  const answer: ImageAnswer = { number: message.number, done: prepare(message) };
  parentPort!.postMessage(answer);
});

function prepare(job: ImageJob): boolean {
  const { source, imageSizePx, plan, normalisation, result } = job;
  const finish = (data: Uint8Array) => {
    const image = { data, width: imageSizePx, height: imageSizePx };
    augmentInto(image, plan, normalisedTable(normalisation), result, 0);
    return true;
  };
  return typeof source === "string" ? withJpeg(source, imageSizePx, finish) : finish(source);
}

/** Lends the pixels of a JPEG file; false for what is none, or cannot be read or decoded. */
function withJpeg(path: string, imageSizePx: number, use: (pixels: Uint8Array) => boolean): boolean {
  const file = readOrNone(path);
  const plan = file && jpegPlan(file, imageSizePx);
  if (!plan) return false;
  const decoder = decoders.get(imageSizePx)![planName(plan)]!;
  try {
    return callHandle(decoder, { bytes: [file] }, ([pixels]) => use(pixels!.data as Uint8Array));
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

/** Why a file cannot be read is found out, and told, where it is read again. */
function readOrNone(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
