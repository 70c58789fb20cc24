// A service of a tiny model with random weights, over the tiny data set.
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { writeCsv } from "guie/dist/common/csv/csv";
import { findTower } from "guie/dist/model/towers";
import { type RunningService, type ServeOptions, serve } from "guie/dist/serving/serve";
import sharp from "sharp";
import { configOf, randomModel, writeRun } from "../export/models";
import { temporaryFolder } from "../folders";
import { makeTinyData } from "../training/tiny_data";

/** Names of the tiny data's classes; the first is markup, to test escaping. */
export const CLASS_NAMES = [
  "<script>document.title='taken over'</script>",
  "green",
  "blue",
  "yellow",
  "cyan",
  "pink",
];

/** A run and its data. */
export interface TinyRun {
  run: string;
  dataDir: string;
}

/** Makes a run's folder and its data; both are deleted after the test. */
export async function makeTinyRun(t: TestContext): Promise<TinyRun> {
  const dataDir = await makeTinyData();
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  await writeCsv(
    join(dataDir, "retrieval/classes.csv"),
    ["labels", "class_name"],
    CLASS_NAMES.map((name, label) => [label, name]),
  );
  const tower = findTower("tiny");
  const config = configOf(tower, { dataDir });
  return { run: await writeRun(temporaryFolder(t), config, randomModel(tower, config)), dataDir };
}

/** Draws a photo that differs from those of other numbers, and writes it as PNG. */
export async function drawPhoto(path: string, number: number): Promise<void> {
  const side = 30;
  const value = (_: unknown, at: number) => (at * (number + 3) * 7 + 31 * number) % 256;
  const pixels = Buffer.from(Array.from({ length: side * side * 3 }, value));
  mkdirSync(dirname(path), { recursive: true });
  await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toFile(path);
}

/** Serves a run on a free port until the test ends. */
export async function startService(
  t: TestContext,
  tiny: TinyRun,
  options: Partial<ServeOptions> = {},
): Promise<RunningService> {
  const service = await serve({ run: tiny.run, port: 0, ...options });
  t.after(() => service.close());
  return service;
}

/** A file of a form. */
export interface FormFile {
  bytes: Uint8Array | string;
  /** File name in the head of its part. */
  name?: string;
  field?: string;
}

const BOUNDARY = "----tiny";
/** Content type of `formBody`. */
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** Returns the body of a form with these files; names are not checked. */
export function formBody(files: readonly FormFile[]): Buffer<ArrayBuffer> {
  const parts = files.flatMap(({ bytes, name = "image.jpg", field = "image" }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: image/jpeg\r\n\r\n`,
    bytes,
    "\r\n",
  ]);
  return Buffer.concat([...parts, `--${BOUNDARY}--\r\n`].map((part) => Buffer.from(part as Uint8Array)));
}

/** Posts a form; returns the answer with its JSON. */
export async function post(
  url: string,
  files: readonly FormFile[],
  headers: Record<string, string> = {},
  // biome-ignore lint/suspicious/noExplicitAny: answers of all kinds
): Promise<{ status: number; headers: Headers; body: any }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": FORM_TYPE, ...headers },
    body: formBody(files),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
