// The author's ladder on held-out classes: pixels, untrained backbone, neck on frozen features, fine-tuned model.
import { UserError } from "../common/errors";
import { withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { stackRows, type Vectors } from "../common/vectors";
import type { ComparisonSettings } from "../config/parts";
import { scoreRetrievalSet } from "../embedding/embed_images";
import { BACKBONE, findModel, openModel } from "../embedding/find_model";
import { ensureFeatures } from "../features/features";
import { standardisationBy, standardised } from "../features/standardise";
import { loadImages } from "../images/loading/loader";
import { resizeRgb } from "../images/resize";
import type { ModelVectors } from "../retrieval/evaluation";
import type { RetrievalScores } from "../retrieval/metrics";
import { seekCheckpoint } from "../runs/checkpoint_ref";
import { type Learned, learnedAmong, learnedBy } from "../runs/learned_classes";
import type { ScoredOn } from "../runs/metrics";
import { heldOutClasses } from "../runs/provenance";
import { NOTHING_LEARNED, scoredOn } from "../runs/scored_on";
import { distinctFiles, readRetrievalFiles, readWholeData } from "../training/data/read_run_data";
import type { RetrievalFiles } from "../training/data/run_data";

/** The name of the rung without any model. */
const PIXELS = "pixels";
const PIXEL_GRID = 16;

/** One rung: a model with its scores. */
export interface LadderRung extends RetrievalScores {
  name: string;
  /** The data that it is scored on, and how much of it the model was trained on. */
  on: ScoredOn;
}

/** The retrieval set of a data directory, with the names of its classes. */
export interface HeldOutFiles extends RetrievalFiles {
  /** Names "group/class name" by label, for classes that have names. */
  classes: ReadonlyMap<number, string>;
}

/**
 * Scores every rung on the same held-out queries and index.
 * @param runs models by rung, as `findModel` takes them: `{ frozen: "demo_frozen", fine_tuned: "demo_fine_tune" }`
 * @throws UserError if the data directory has no retrieval set
 * @example
 * await climbLadder(config, { frozen: "demo_frozen", fine_tuned: "demo_fine_tune" });
 */
export async function climbLadder(
  config: ComparisonSettings,
  runs: Record<string, string>,
  { signal, ...options }: TaskOptions = {},
): Promise<LadderRung[]> {
  const files = await heldOutFiles(config.dataDir);
  await requireModels(config, Object.values(runs), options);
  const models = [[PIXELS, PIXELS], [BACKBONE, BACKBONE], ...Object.entries(runs)] as const;
  const rungs: LadderRung[] = [];
  await withSignal(signal, async () => {
    for (const [name, run] of models) {
      const on = scoredOn(files, { dataDir: config.dataDir, holdOutShare: 0 }, learnedOf(run));
      rungs.push({ name, on, ...(await scoreModel(config, run, files, options)) });
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

/** Describes the retrieval set of a data directory for scores of a model. @throws UserError if there is none */
export async function scoredOnHeldOut(dataDir: string, model = "pixels"): Promise<ScoredOn> {
  return scoredOn(await heldOutFiles(dataDir), { dataDir, holdOutShare: 0 }, learnedOf(model));
}

/** Returns what a model has learned; undefined if it was not noted. @param model as `modelVectors` takes it */
export function learnedOf(model: string): Learned | undefined {
  const checkpoint = isUntrained(model) ? undefined : seekCheckpoint(model);
  return checkpoint ? learnedBy(checkpoint.folder) : NOTHING_LEARNED;
}

/**
 * Computes the vectors of the retrieval set, one row per image in the order of `files`.
 * @param model `pixels`, or as `findModel` takes it: `backbone` (its frozen features), a run, a tower, ...
 */
export async function modelVectors(
  config: ComparisonSettings,
  model: string,
  files: RetrievalFiles | HeldOutFiles,
  options: ProgressOptions = {},
): Promise<ModelVectors> {
  const both = async (embed: (set: RetrievalPart) => Promise<Vectors>) => {
    const learned = learnedAmong(files, config.dataDir, learnedOf(model)) ?? ("unknown" as const);
    return { name: model, learned, queries: await embed("queries"), index: await embed("index") };
  };
  if (model === PIXELS) return both((set) => pixelVectors(config, files[set].files));
  const found = await findModel(model, config, options);
  if (found.kind === "backbone") {
    const { queries, index } = await backboneVectors(found.config, files, options);
    return { name: model, queries, index };
  }
  const embedder = openModel(found);
  try {
    return await both((set) => embedder.embed(config.dataDir, set, files[set].files, options));
  } finally {
    embedder.dispose();
  }
}

/** Tells whether a model is one of the two that are always on the ladder. */
export function isUntrained(model: string): boolean {
  return model === PIXELS || model === BACKBONE;
}

/** Checks that all models exist, before the first one is used. @throws UserError for a model that does not exist */
export async function requireModels(
  config: ComparisonSettings,
  models: readonly string[],
  options: ProgressOptions = {},
): Promise<void> {
  for (const model of models) if (model !== PIXELS) await findModel(model, config, options);
}

/** Computes the retrieval scores of a model, as `modelVectors` takes it. */
export async function scoreModel(
  config: ComparisonSettings,
  model: string,
  files: RetrievalFiles,
  options: ProgressOptions = {},
): Promise<RetrievalScores> {
  const { queries, index } = await modelVectors(config, model, files, options);
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
async function pixelVectors(config: ComparisonSettings, files: readonly string[]): Promise<Vectors> {
  const images = await loadImages(config.dataDir, files, config.imageSize, config.numWorkers);
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
 */
export async function backboneVectors(
  config: ComparisonSettings,
  files: RetrievalFiles,
  options: ProgressOptions = {},
): Promise<Record<RetrievalPart | "train", Vectors>> {
  const train = await trainFeatures(config, options);
  const standardisation = config.standardise ? standardisationBy(train) : undefined;
  const prepared = (features: Vectors) =>
    standardisation ? standardised(features, standardisation) : features;
  const embed = async (set: RetrievalPart) =>
    prepared(await ensureFeatures(config, set, files[set].files, options));
  return { train: prepared(train), queries: await embed("queries"), index: await embed("index") };
}

/**
 * Returns features of all distinct training and validation images.
 * @example
 * const train = await trainFeatures(preset("demo", "frozen"));
 */
export async function trainFeatures(config: ComparisonSettings, options: TaskOptions = {}): Promise<Vectors> {
  const { train, validation } = await readWholeData(config);
  return ensureFeatures(config, "train", distinctFiles(train.files, validation.files), options);
}
