// Draws the demo data set into the raw folders.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf } from "../../common/errors";
import { asOwner } from "../../common/files/claim";
import { inWords } from "../../common/files/errno";
import { removeAbandoned, writeJson } from "../../common/files/files";
import { makingPlace } from "../../common/files/replace";
import { checkInterrupt, withSignal } from "../../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../../common/progress";
import { projectPath } from "../../common/project";
import { type DemoSource, readDemoSource } from "./classes";
import { refuseAdded } from "./foreign";
import { drawPicture } from "./picture";
import { type PlacedPicture, planDemo } from "./plan";
import {
  type DemoStamp,
  type DroppedDrawing,
  demoRecipe,
  isDrawn,
  readStamp,
  refuseForeign,
  stampPath,
} from "./stamp";
import { countGroups, TABLES, writeTables } from "./tables";

/** Options for drawing the demo. */
export interface DrawDemoOptions extends TaskOptions {
  /**
   * Data directory that receives raw/, retrieval/, demo.json, demo_images.csv and groups.csv. A relative path starts
   * at the project's root.
   */
  dataDir: string;
  /** Default: 999. */
  seed?: number;
  /** Number of classes to draw per group, for a quick look; all if omitted. */
  classesPerGroup?: number;
}

/** Pictures that sharp processes at once: enough for its threads, few enough to stop soon on Interrupt. */
const AT_ONCE = 16;

/**
 * Draws the demo data set from the emoji of nine vendors: drawings of the same object form one class. Four in five
 * classes become raw data sets (`DEMO_DATASETS`) in the folder layouts of the real ones, so that `getData` reads them;
 * the others become `retrieval/` (queries.csv, index.csv, classes.csv, images/). One training class in thirty gets more
 * views of its drawings, up to 240 pictures, so that the classes are uneven; groups.csv lists the views.
 *
 * The demo is drawn into a temporary folder, then moved into place as a whole. A second call with the same recipe
 * (seed, package versions) does nothing; another recipe replaces the earlier files.
 * @throws UserError if files of another origin are in the way, if another process is drawing there, or if the disk is
 * full
 * @example
 * await drawDemo({ dataDir: "data/demo", seed: 999 });
 */
export async function drawDemo(options: DrawDemoOptions): Promise<DemoStamp> {
  const dataDir = projectPath(options.dataDir);
  return withSignal(options.signal, () =>
    asOwner(stampPath(dataDir), "Drawing the demo", () => drawOwned(dataDir, options)),
  );
}

async function drawOwned(dataDir: string, options: DrawDemoOptions): Promise<DemoStamp> {
  const { seed = 999, classesPerGroup } = options;
  const recipe = demoRecipe(seed, classesPerGroup);
  const temporary = makingPlace(stampPath(dataDir));
  rmSync(temporary, { recursive: true, force: true }); // left by a drawing that was killed
  removeAbandoned(join(dataDir, "demo"), { ofThisMachine: true }); // left by an earlier version
  const earlier = readStamp(dataDir);
  if (isDrawn(dataDir, earlier, recipe)) return earlier;

  const source = readDemoSource();
  const planned = planDemo(source, seed, classesPerGroup);
  const wrote = namesToWrite(planned);
  refuseForeign(dataDir, wrote, earlier);
  if (earlier) await refuseAdded(dataDir, earlier);
  try {
    const { drawn, dropped } = await drawAll(temporary, planned, source, options);
    await writeTables(temporary, drawn);
    const stamp = {
      recipe,
      complete: true,
      classes: new Set(drawn.map(({ picture }) => picture.class)).size,
      images: drawn.length,
      dropped,
      groups: countGroups(drawn),
      wrote,
    };
    putInPlace(dataDir, temporary, stamp, earlier);
    return stamp;
  } catch (error) {
    throw inWords(error, dataDir, "written");
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Returns the folders and files of a drawing, relative to the data directory. */
function namesToWrite(planned: readonly PlacedPicture[]): string[] {
  const raw = planned
    .filter(({ picture }) => !picture.heldOut)
    .map(({ file }) => file.split("/").slice(0, 2).join("/"));
  const groups = planned.some(({ picture }) => picture.view > 0) ? [TABLES.groups] : [];
  return [...new Set(raw), "retrieval", TABLES.images, ...groups];
}

/** Draws and writes every picture. */
async function drawAll(
  folder: string,
  planned: readonly PlacedPicture[],
  { iconSets }: DemoSource,
  { onProgress }: ProgressOptions,
): Promise<{ drawn: PlacedPicture[]; dropped: DroppedDrawing[] }> {
  const drawn: PlacedPicture[] = [];
  const dropped: DroppedDrawing[] = [];
  for (let start = 0; start < planned.length; start += AT_ONCE) {
    await checkInterrupt();
    const batch = planned.slice(start, start + AT_ONCE);
    const files = await Promise.allSettled(
      batch.map(({ picture }) => drawPicture(iconSets[picture.vendor], picture.icon, picture.plan)),
    );
    for (const [i, result] of files.entries()) {
      const { picture, file } = batch[i]!;
      if (result.status === "fulfilled") {
        await writeInto(join(folder, file), result.value);
        drawn.push(batch[i]!);
      } else dropped.push({ vendor: picture.vendor, icon: picture.icon, why: messageOf(result.reason) });
    }
    onProgress?.({
      stage: "Draw the demo",
      done: start + batch.length,
      total: planned.length,
      unit: "images",
    });
  }
  return { drawn, dropped };
}

async function writeInto(path: string, bytes: Buffer): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/**
 * Moves a drawing into place. The stamp is first written as incomplete: after a crash, the next drawing knows its own
 * files.
 */
function putInPlace(
  dataDir: string,
  temporary: string,
  stamp: DemoStamp,
  earlier: DemoStamp | undefined,
): void {
  const old = earlier?.wrote ?? [];
  writeJson(stampPath(dataDir), { ...stamp, complete: false, wrote: [...new Set([...old, ...stamp.wrote])] });
  for (const name of old) move(name, dataDir, join(temporary, "replaced"));
  for (const name of stamp.wrote) move(name, temporary, dataDir);
  writeJson(stampPath(dataDir), stamp);
}

/** Moves a file or folder if it exists. */
function move(name: string, from: string, to: string): void {
  if (!existsSync(join(from, name))) return;
  mkdirSync(dirname(join(to, name)), { recursive: true });
  renameSync(join(from, name), join(to, name));
}
