// The ladder on held-out classes: pixels, untrained backbone, whitened, LDA, neck on frozen features, fine-tuned model.
import { UserError } from "../common/errors";
import { withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { stackRows, type Vectors } from "../common/vectors";
import { atEvaluationSize } from "../config/model";
import type { ComparisonSettings } from "../config/parts";
import { scoreRetrievalSet } from "../embedding/embed_images";
import { BACKBONE, findModel, openModel } from "../embedding/find_model";
import { learnedByTransform, seekTransform, TRANSFORM_KINDS } from "../embedding/transform_model";
import { ensureFeatures, type ViewOptions } from "../features/features";
import { standardisationBy, standardised } from "../features/standardise";
import { loadImages } from "../images/loading/loader";
import { resizeRgb } from "../images/resize";
import type { ModelVectors } from "../retrieval/evaluation";
import type { RetrievalScores } from "../retrieval/metrics";
import { reduceRows } from "../retrieval/reduction";
import { seekCheckpoint } from "../runs/checkpoint_ref";
import { type Learned, learnedAmong, learnedBy } from "../runs/learned_classes";
import type { ScoredOn } from "../runs/metrics";
import { heldOutClasses } from "../runs/provenance";
import { NOTHING_LEARNED, scoredOn } from "../runs/scored_on";
import { readRetrievalFiles, readWholeData } from "../training/data/read_run_data";
import type { RetrievalFiles } from "../training/data/run_data";
import { type PrefixScores, scorePrefixes, trainedPrefixes } from "./prefixes";
import {
  fitRung,
  learnedByRung,
  type TrainImagesOptions,
  trainFeatures,
  transformKind,
} from "./transform_rungs";

/** The name of the rung without any model. */
const PIXELS = "pixels";
/** The rungs below every run. */
export const UNTRAINED_RUNGS: readonly string[] = [PIXELS, BACKBONE, ...TRANSFORM_KINDS];
const PIXEL_GRID = 16;

/** One rung: a model with its scores. */
export interface LadderRung extends RetrievalScores {
  name: string;
  /** The data that it is scored on, and how much of it the model was trained on. */
  on: ScoredOn;
  /** Scores of the first numbers of its vectors, if asked for, or if a run was trained for them. */
  prefixes?: PrefixScores[] | undefined;
}

/** The retrieval set of a data directory, with the names of its classes. */
export interface HeldOutFiles extends RetrievalFiles {
  /** Names "group/class name" by label, for classes that have names. */
  classes: ReadonlyMap<number, string>;
}

/**
 * Scores every rung on the same held-out queries and index.
 * @param runs models by rung, as `findModel` takes them: `{ frozen: "demo_frozen", fine_tuned: "demo_fine_tune" }`
 * @param options.prefixes lengths of first parts of the vectors that are scored, too; default: those that a run was
 *   trained for (`matryoshka`)
 * @throws UserError if the data directory has no retrieval set
 * @example
 * await climbLadder(config, { frozen: "demo_frozen", fine_tuned: "demo_fine_tune" });
 */
export async function climbLadder(
  config: ComparisonSettings,
  runs: Record<string, string>,
  { signal, prefixes: wanted, ...options }: TaskOptions & { prefixes?: readonly number[] | undefined } = {},
): Promise<LadderRung[]> {
  const files = await heldOutFiles(config.dataDir);
  await requireModels(config, Object.values(runs), options);
  const rungs: LadderRung[] = [];
  await withSignal(signal, async () => {
    const below = (await untrainedRungs(config)).map((name) => [name, name] as const);
    for (const [name, run] of [...below, ...Object.entries(runs)]) {
      const learned = await learnedHere(config, run);
      const on = scoredOn(files, { dataDir: config.dataDir, holdOutShare: 0 }, learned);
      const vectors = await modelVectors(config, run, files, options);
      const prefixes = await scorePrefixes(vectors, files, wanted ?? trainedPrefixes(run));
      const scores = await scoreVectors(vectors, files);
      rungs.push({ name, on, ...scores, ...(prefixes.length > 0 && { prefixes }) });
    }
  });
  return rungs;
}

/**
 * Reads the retrieval set of a data directory.
 * @throws UserError if there is none
 * @example
 * const { queries, index } = await heldOutFiles("data/demo");
 */
export async function heldOutFiles(dataDir: string): Promise<HeldOutFiles> {
  const folder = projectPath(dataDir);
  const files = await readRetrievalFiles(folder);
  if (files) return { ...files, classes: heldOutClasses(folder) };
  throw new UserError(
    `Expected retrieval/queries.csv and retrieval/index.csv below ${folder}: there are none.`,
    `Hold classes out and train again: npx guie merge --data-dir ${dataDir} --hold-out 0.33; or write the two files ` +
      "(image_files,labels). The demo brings them: npx guie get-data --demo.",
  );
}

/**
 * Describes the retrieval set of the config's data directory for scores of a model.
 * @throws UserError if there is none
 */
export async function scoredOnHeldOut(config: ComparisonSettings, model = PIXELS): Promise<ScoredOn> {
  const { dataDir } = config;
  return scoredOn(
    await heldOutFiles(dataDir),
    { dataDir, holdOutShare: 0 },
    await learnedHere(config, model),
  );
}

/**
 * Returns what a model has learned; undefined if it was not noted.
 * @param model as `findModel` takes it; nothing is known of rungs that are fitted to the data at hand (`learnedHere`)
 */
export function learnedOf(model: string): Learned | undefined {
  if (isUntrained(model)) return NOTHING_LEARNED;
  const checkpoint = seekCheckpoint(model);
  if (checkpoint) return learnedBy(checkpoint.folder);
  const transform = seekTransform(model);
  if (!transform) return NOTHING_LEARNED;
  const own = learnedByTransform(transform);
  if (!("run" in transform.base)) return own;
  const base = learnedOf(transform.base.run);
  // the images of the run's own training are not among these
  return (
    base && {
      ...own,
      classes: new Set([...own.classes, ...base.classes]),
      isPartial: true,
      usesNoLabels: false,
    }
  );
}

/** Returns what a model has learned, also one that is fitted to the training images of the config's data directory. */
async function learnedHere(config: ComparisonSettings, model: string): Promise<Learned | undefined> {
  const kind = transformKind(model);
  return kind ? learnedByRung(config, kind) : learnedOf(model);
}

/** Returns the rungs below the runs that there are: without LDA if the training images have one class. */
export async function untrainedRungs(config: ComparisonSettings): Promise<string[]> {
  const { classCount } = await readWholeData(config);
  return UNTRAINED_RUNGS.filter((name) => name !== "lda" || classCount > 1);
}

/**
 * Computes the vectors of the retrieval set, one row per image in the order of `files`.
 * @param model `pixels`; `whitened` or `lda`, fitted to the training images; or as `findModel` takes it: `backbone` (its
 * frozen features), a run, a tower, ...
 * @param options.views views of each query; the index's rows stay as they are. Default: the whole image
 * @throws UserError for views of `pixels`
 */
export async function modelVectors(
  given: ComparisonSettings,
  model: string,
  files: RetrievalFiles | HeldOutFiles,
  { train, views, ...options }: ViewOptions & Pick<TrainImagesOptions, "train"> = {},
): Promise<ModelVectors> {
  const config = atEvaluationSize(given);
  const by = (set: RetrievalPart) => (set === "queries" ? { views, ...options } : options);
  const both = async (embed: (set: RetrievalPart) => Promise<Vectors>) => {
    const learned =
      learnedAmong(files, config.dataDir, await learnedHere(config, model)) ?? ("unknown" as const);
    return { name: model, learned, queries: await embed("queries"), index: await embed("index") };
  };
  if (model === PIXELS && views !== undefined && views !== "whole")
    throw new UserError(
      "Pixels have no views: they are no model's.",
      "Name a model: npx guie evaluate backbone --rerank --views mirror",
    );
  if (model === PIXELS) return both((set) => pixelVectors(config, files[set].files));
  const kind = transformKind(model);
  if (kind) {
    const reduction = await fitRung(config, kind, { train, ...options });
    return both(async (set) => {
      const features = await ensureFeatures(config, set, files[set].files, by(set));
      return reduction ? reduceRows(features, reduction) : features;
    });
  }
  const found = await findModel(model, config, options);
  if (found.kind === "backbone") {
    const { queries, index } = await backboneVectors(found.config, files, { train, views, ...options });
    return { name: model, queries, index };
  }
  const embedder = openModel(found);
  try {
    return await both((set) => embedder.embed(config.dataDir, set, files[set].files, by(set)));
  } finally {
    embedder.dispose();
  }
}

/** Tells whether a model is one of those that are always on the ladder, below the runs. */
export function isUntrained(model: string): boolean {
  return UNTRAINED_RUNGS.includes(model);
}

/** Checks that all models exist, before the first one is used. @throws UserError for a model that does not exist */
export async function requireModels(
  config: ComparisonSettings,
  models: readonly string[],
  options: ProgressOptions = {},
): Promise<void> {
  for (const model of models)
    if (model !== PIXELS && !transformKind(model)) await findModel(model, config, options);
}

/** Computes the retrieval scores of a model, as `modelVectors` takes it. */
export async function scoreModel(
  config: ComparisonSettings,
  model: string,
  files: RetrievalFiles,
  options: ProgressOptions = {},
): Promise<RetrievalScores> {
  return scoreVectors(await modelVectors(config, model, files, options), files);
}

function scoreVectors({ queries, index }: ModelVectors, files: RetrievalFiles): Promise<RetrievalScores> {
  return scoreRetrievalSet({
    queries,
    queryLabels: files.queries.labels,
    index,
    indexLabels: files.index.labels,
    own: files.own,
  });
}

type RetrievalPart = "queries" | "index";

/** Resizes each image to 16 x 16 and subtracts the mean from its 768 values: a baseline without any model. */
export async function pixelVectors(config: ComparisonSettings, files: readonly string[]): Promise<Vectors> {
  const images = await loadImages(config.dataDir, files, config.imageSize, config.numWorkers, config);
  const length = 3 * PIXEL_GRID ** 2;
  const rows = images.map((image) => {
    const small = resizeRgb(image, { method: "area", width: PIXEL_GRID, height: PIXEL_GRID });
    const mean = small.data.reduce((sum, value) => sum + value, 0) / length;
    return Float32Array.from(small.data, (value) => value - mean);
  });
  return stackRows(rows, length);
}

/**
 * Computes the backbone's features of the training images and of the retrieval set; with the setting `standardise`,
 * standardised by the training images' mean and deviation.
 * @param options.views views of each query
 */
export async function backboneVectors(
  config: ComparisonSettings,
  files: RetrievalFiles,
  { train: images, views, ...options }: ViewOptions & Pick<TrainImagesOptions, "train"> = {},
): Promise<Record<RetrievalPart | "train", Vectors>> {
  const train = await trainFeatures(config, { train: images, ...options });
  const standardisation = config.standardise ? standardisationBy(train) : undefined;
  const prepared = (features: Vectors) =>
    standardisation ? standardised(features, standardisation) : features;
  const embed = async (set: RetrievalPart) =>
    prepared(
      await ensureFeatures(
        config,
        set,
        files[set].files,
        set === "queries" ? { views, ...options } : options,
      ),
    );
  return { train: prepared(train), queries: await embed("queries"), index: await embed("index") };
}
