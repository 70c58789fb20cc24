// What is wrong with photos: broken, odd and unlike files, twins, wrong labels, classes that are one or two.
// Shapes: N photos that can be read.
import { UserError } from "../common/errors";
import { itemsOfPart, type Part } from "../common/files/part";
import { withSignal } from "../common/interrupt";
import { notice } from "../common/notice";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { listRows, pickRows, type Vectors } from "../common/vectors";
import type { SourceSettings } from "../datasets/own/own_images";
import type { PhotoVectors } from "../features/embed_photos";
import { nearestNeighbours } from "../retrieval/neighbours";
import { type InspectedPhotos, readMergedPhotos, readPhotos } from "./inspected_photos";
import { type OddFile, oddness } from "./odd_files";
import { lookOf, type PhotoLook, photoLooks, prepareLooks } from "./photo_looks";
import { photoVectors } from "./photo_vectors";
import { findTwins, type Twin } from "./twins";
import { centredUnit, whitenedUnit } from "./unit_vectors";
import { findOutliers, findSplitClasses } from "./unlike";
import { findWrongLabels, LEAST_CHANCE } from "./wrong_labels";

/** Options of an inspection; one of `photos` and `dataDir`. */
export interface InspectOptions extends TaskOptions, SourceSettings {
  /** A folder of photos, an archive or a table of them, as `readOwnImages` takes it; folders are classes where they look so. */
  photos?: string | undefined;
  /** A data directory after Data_Merge. */
  dataDir?: string | undefined;
  /** The model that compares, as `--model` takes it; default: the backbone of the preset demo. */
  model?: string | undefined;
}

/** The fault of a pair of twins. */
export type TwinFinding = "two classes" | "two sides" | "one class";

/** A pair of photos that are one. */
export interface TwinPair {
  finding: TwinFinding;
  /** Agreement of the aligned pictures, 0..1. */
  likeness: number;
  mirrored: boolean;
  imageA: string;
  imageB: string;
  classA: string;
  classB: string;
  sideA: string;
  sideB: string;
  group: number;
}

/** A label that is probably wrong. */
export interface LabelSuspect {
  image: string;
  className: string;
  /** The class that the photo is nearest to. */
  nearestClass: string;
  /** The name to write into relabel.csv; "" if the nearest class belongs to another data set. */
  relabelTo: string;
  /** Estimated chance that the label is wrong, 0..1. */
  chance: number;
}

/** Two classes that are probably one, with photos of both. */
export interface SameClasses {
  classA: string;
  classB: string;
  /** Shares of each class's photos that are nearer to the other class. */
  shareA: number;
  shareB: number;
  imagesA: string[];
  imagesB: string[];
}

/** A class that may be two, with photos of both groups. */
export interface TwoGroups {
  className: string;
  /** Distance of the groups, as a difference of cosines. */
  gap: number;
  sizeA: number;
  sizeB: number;
  imagesA: string[];
  imagesB: string[];
}

/** A photo unlike all others. */
export interface UnlikePhoto {
  image: string;
  className: string;
  /** Distance from the median photo's nearness to its neighbours, in standard deviations. */
  deviations: number;
}

/** What is wrong with photos; the gravest of each list first. */
export interface InspectReport {
  /** The photos' folder; paths are relative to it. */
  folder: string;
  photos: number;
  /** Number of classes; 0 without labels. */
  classes: number;
  /** Estimated share of wrong labels, 0..1. */
  wrongShare: number;
  oddFiles: OddFile[];
  twins: TwinPair[];
  wrongLabels: LabelSuspect[];
  sameClasses: SameClasses[];
  twoGroups: TwoGroups[];
  unlike: UnlikePhoto[];
}

const NEAREST = 3;
/** The number of photos that stand for a class or a group: the first ones. */
export const PHOTOS_SHOWN = 6;

/**
 * Inspects photos. Vectors and looks of photos are kept: a second inspection, or one after a kill, computes only what
 * is missing.
 * @throws UserError if there are no photos, none can be read, or the model is missing
 * @example
 * const report = await inspectPhotos({ photos: "photos" }); report.wrongLabels[0]
 */
export async function inspectPhotos({ signal, ...options }: InspectOptions): Promise<InspectReport> {
  return withSignal(signal, async () => {
    const photos = await readSource(options);
    for (const line of photos.said) notice(line);
    const list = { folder: photos.folder, rows: { files: photos.files } };
    const vectors = await photoVectors(options.model, list, options);
    const looks = await photoLooks(list, options);
    const skipped = [...photos.leftOut, ...looks.skipped, ...vectors.skipped];
    const broken = skipped.map(({ file, reason }) => ({ image: file, reason, isLeftOut: true }));
    const readable = usable(photos, vectors, looks);
    if (readable.files.length === 0)
      throw new UserError(
        `None of ${photos.files.length} photos in ${photos.folder} can be read; ${broken[0]!.image}: ${broken[0]!.reason}.`,
        "Replace these files, or name another folder.",
      );
    return reportOf(photos, readable, broken, options);
  });
}

/** Numbers of one part of the photos. */
export interface InspectShare {
  /** Photos of this part. */
  photos: number;
  /** Photos of all parts. */
  total: number;
}

/**
 * Computes and keeps the vectors and looks of one part of the photos, next to other processes that do the others; an
 * inspection then finds them. @throws UserError as `inspectPhotos`
 */
export async function inspectShare({
  signal,
  part,
  ...options
}: InspectOptions & { part: Part }): Promise<InspectShare> {
  return withSignal(signal, async () => {
    const { folder, files } = await readSource(options);
    const mine = itemsOfPart(files, part);
    const list = { folder, rows: { files: mine } };
    await photoVectors(options.model, list, options);
    await photoLooks(list, options);
    return { photos: mine.length, total: files.length };
  });
}

function readSource({ photos, dataDir, ...options }: InspectOptions): Promise<InspectedPhotos> {
  const { imageColumn, classColumn, splitColumn, root, classLevel, pattern } = options;
  const settings = { imageColumn, classColumn, splitColumn, root, classLevel, pattern };
  if (photos !== undefined && dataDir === undefined) return readPhotos({ source: photos, ...settings });
  if (dataDir !== undefined && photos === undefined) return readMergedPhotos(projectPath(dataDir));
  throw new UserError(
    "An inspection takes photos or a data directory: one of the two.",
    "npx guie inspect PHOTOS, or npx guie inspect --data-dir DIR",
  );
}

/** Photos that can be read: rows of the vectors and looks, in one order. */
interface Usable {
  files: string[];
  classes: string[];
  sides: string[];
  vectors: Vectors;
  looks: PhotoLook[];
}

function usable(
  { files, classes, sides }: InspectedPhotos,
  vectors: PhotoVectors,
  looks: PhotoVectors,
): Usable {
  const rowOfVector = new Map(vectors.places.map((place, row) => [place, row]));
  const lookRows = listRows(looks.vectors);
  const both = looks.places.flatMap((place, row) => (rowOfVector.has(place) ? [{ place, row }] : []));
  return {
    files: both.map(({ place }) => files[place]!),
    classes: both.map(({ place }) => classes?.[place] ?? ""),
    sides: both.map(({ place }) => sides[place]!),
    vectors: pickRows(
      vectors.vectors,
      both.map(({ place }) => rowOfVector.get(place)!),
    ),
    looks: both.map(({ row }) => lookOf(lookRows[row]!)),
  };
}

/** Returns the name of a class for relabel.csv, which knows only the classes of the photo's data set. */
function relabelName(from: string, to: string, { origins }: InspectedPhotos): string {
  const [before, after] = [origins?.get(from), origins?.get(to)];
  if (!before || !after) return to;
  return before.dataset === after.dataset ? after.name : "";
}

async function reportOf(
  source: InspectedPhotos,
  photos: Usable,
  broken: readonly OddFile[],
  { onProgress }: ProgressOptions,
): Promise<InspectReport> {
  const { folder } = source;
  const { files, classes, vectors, looks } = photos;
  const seen = new Set<string>();
  const odd = looks.flatMap((look, i) => {
    const reason = oddness(look);
    return reason === undefined ? [] : [{ image: files[i]!, reason, isLeftOut: false }];
  });
  const oddFiles = [...broken, ...odd].filter(({ image }) => !seen.has(image) && seen.add(image));
  const unit = await whitenedUnit(vectors);
  const twins = await findTwins(unit, prepareLooks(looks), onProgress);
  const plain = centredUnit(vectors);
  const unlike = await unlikePhotos(photos, plain);
  const base = { folder, photos: files.length, oddFiles, twins: describeTwins(twins, photos), unlike };
  const labelled = classes.flatMap((name, i) => (name === "" ? [] : [i]));
  const names = [...new Set(labelled.map((i) => classes[i]!))].sort();
  if (names.length < 2)
    return { ...base, classes: names.length, wrongShare: 0, wrongLabels: [], sameClasses: [], twoGroups: [] };
  const numbers = new Map(names.map((name, number) => [name, number]));
  const labels = Int32Array.from(labelled, (i) => numbers.get(classes[i]!)!);
  const found = await findWrongLabels(pickRows(unit, labelled), labels, names.length, onProgress);
  const imagesOf = (label: number) => labelled.filter((_, i) => labels[i] === label).map((i) => files[i]!);
  const fileOf = (row: number) => files[labelled[row]!]!;
  return {
    ...base,
    classes: names.length,
    wrongShare: found.share,
    wrongLabels: found.labels
      .filter(({ chance }) => chance >= LEAST_CHANCE)
      .map(({ row, label, nearest, chance }) => ({
        image: fileOf(row),
        className: names[label]!,
        nearestClass: names[nearest]!,
        relabelTo: relabelName(names[label]!, names[nearest]!, source),
        chance,
      })),
    sameClasses: found.same.map(({ a, b, shareA, shareB }) => ({
      classA: names[a]!,
      classB: names[b]!,
      shareA,
      shareB,
      imagesA: imagesOf(a).slice(0, PHOTOS_SHOWN),
      imagesB: imagesOf(b).slice(0, PHOTOS_SHOWN),
    })),
    twoGroups: findSplitClasses(pickRows(plain, labelled), labels, names.length).map(
      ({ label, gap, groups: [a, b] }) => ({
        className: names[label]!,
        gap,
        sizeA: a.length,
        sizeB: b.length,
        imagesA: a.slice(0, PHOTOS_SHOWN).map(fileOf),
        imagesB: b.slice(0, PHOTOS_SHOWN).map(fileOf),
      }),
    ),
  };
}

async function unlikePhotos({ files, classes }: Usable, plain: Vectors): Promise<UnlikePhoto[]> {
  const { cosines } = await nearestNeighbours(plain, plain, NEAREST, { own: "same" });
  const nearness = Float64Array.from(cosines, (row) =>
    row.length === 0 ? Number.NaN : row.reduce((sum, value) => sum + value, 0) / row.length,
  );
  return findOutliers(nearness).map(({ row, deviations }) => ({
    image: files[row]!,
    className: classes[row]!,
    deviations,
  }));
}

const FINDINGS: readonly TwinFinding[] = ["two classes", "two sides", "one class"];

function describeTwins(twins: readonly Twin[], { files, classes, sides }: Usable): TwinPair[] {
  const pairs = twins.map(({ a, b, likeness, mirrored, group }) => ({
    finding:
      classes[a] !== classes[b]
        ? ("two classes" as const)
        : sides[a] !== sides[b]
          ? ("two sides" as const)
          : ("one class" as const),
    likeness,
    mirrored,
    imageA: files[a]!,
    imageB: files[b]!,
    classA: classes[a]!,
    classB: classes[b]!,
    sideA: sides[a]!,
    sideB: sides[b]!,
    group,
  }));
  return pairs.sort(
    (x, y) => FINDINGS.indexOf(x.finding) - FINDINGS.indexOf(y.finding) || y.likeness - x.likeness,
  );
}
