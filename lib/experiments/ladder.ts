// The author's ladder on held-out classes: pixels, backbone as it is, neck on frozen features, fine-tuned.
import { UserError } from "../common/errors";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import { stackRows, type Vectors } from "../common/vectors";
import type { TrainConfig } from "../config/config";
import { scoreRetrievalSet } from "../embedding/embed_images";
import { loadEmbedder } from "../embedding/embedder";
import { ensureFeatures } from "../features/features";
import { standardisationBy, standardised } from "../features/standardise";
import { loadImages } from "../images/loading/loader";
import { resizeRgb } from "../images/resize";
import type { ModelVectors } from "../retrieval/evaluation";
import type { RetrievalScores } from "../retrieval/metrics";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { type Learned, learnedAmong, learnedBy } from "../runs/learned_classes";
import type { ScoredOn } from "../runs/metrics";
import { heldOutClasses } from "../runs/provenance";
import { NOTHING_LEARNED, scoredOn } from "../runs/scored_on";
import { distinctFiles, readRetrievalFiles, readWholeData } from "../training/data/read_run_data";
import type { RetrievalFiles } from "../training/data/run_data";

const PIXEL_GRID = 16;

/** One rung. */
export interface LadderRung extends RetrievalScores {
  name: string;
  /** What it is scored on, and how much of that the model was trained on. */
  on: ScoredOn;
}

/** The retrieval set of a data directory, with the names of its classes. */
export interface HeldOutFiles extends RetrievalFiles {
  /** "group/class name" by label, of those that have names. */
  classes: ReadonlyMap<number, string>;
}

/**
 * Scores every rung on the same held-out queries and index.
 * @param runs run names by rung, for example `{ frozen: "demo_frozen", fine_tuned: "demo_fine_tune" }`
 * @throws UserError when the data directory has no retrieval set
 */
export async function climbLadder(
  config: Readonly<TrainConfig>,
  runs: Record<string, string>,
  onProgress?: OnProgress,
): Promise<LadderRung[]> {
  const files = await heldOutFiles(config.dataDir);
  requireModels(Object.values(runs));
  const rungs: LadderRung[] = [];
  for (const [name, run] of [
    ["pixels", "pixels"],
    ["backbone", "backbone"],
    ...Object.entries(runs),
  ] as const) {
    const on = scoredOn(files, { dataDir: config.dataDir, holdOutShare: 0 }, learnedOf(run));
    rungs.push({ name, on, ...(await scoreModel(config, run, files, onProgress)) });
  }
  return rungs;
}

/** The retrieval set of a data directory. @throws UserError when there is none */
export async function heldOutFiles(dataDir: string): Promise<HeldOutFiles> {
  const files = await readRetrievalFiles(dataDir);
  if (files) return { ...files, classes: heldOutClasses(dataDir) };
  throw new UserError(
    `Expected retrieval/queries.csv and retrieval/index.csv below ${projectPath(dataDir)}: they are not there.`,
    `Hold classes out and train anew: npx guie merge --data-dir ${dataDir} --hold-out 0.33; or write the two files ` +
      "(image_files,labels). The demo brings them: npx guie get-data --demo.",
  );
}

/** What a model is scored on with the retrieval set of a data directory. @throws UserError where there is none */
export async function scoredOnHeldOut(dataDir: string, model = "pixels"): Promise<ScoredOn> {
  return scoredOn(await heldOutFiles(dataDir), { dataDir, holdOutShare: 0 }, learnedOf(model));
}

/** What a model has learned; undefined where that was not noted. @param model as `modelVectors` takes it */
export function learnedOf(model: string): Learned | undefined {
  return model === "pixels" || model === "backbone"
    ? NOTHING_LEARNED
    : learnedBy(findCheckpoint(model).folder);
}

/**
 * Vectors of the retrieval set: a row an image, in the order of `files`.
 * @param model `pixels`, `backbone` (its frozen features), or a run as `findCheckpoint` takes it
 */
export async function modelVectors(
  config: Readonly<TrainConfig>,
  model: string,
  files: RetrievalFiles | HeldOutFiles,
  onProgress?: OnProgress,
): Promise<ModelVectors> {
  const both = async (embed: (set: RetrievalPart) => Promise<Vectors>) => {
    const learned = learnedAmong(files, config.dataDir, learnedOf(model)) ?? ("unknown" as const);
    return { name: model, learned, queries: await embed("queries"), index: await embed("index") };
  };
  if (model === "pixels") return both((set) => pixelVectors(config, files[set].files));
  if (model === "backbone") {
    const { queries, index } = await backboneVectors(config, files, onProgress);
    return { name: model, queries, index };
  }
  const embedder = loadEmbedder(model);
  try {
    return await both((set) => embedder.embed(config.dataDir, set, files[set].files, onProgress));
  } finally {
    embedder.dispose();
  }
}

/** Whether a model is one that nobody has trained here. */
export function isUntrained(model: string): boolean {
  return model === "pixels" || model === "backbone";
}

/** Looks for every model before the first is embedded. @throws UserError for a run that does not exist */
export function requireModels(models: readonly string[]): void {
  for (const model of models) if (!isUntrained(model)) findCheckpoint(model);
}

/** Retrieval scores of a model, as `modelVectors` takes it. */
export async function scoreModel(
  config: Readonly<TrainConfig>,
  model: string,
  files: RetrievalFiles,
  onProgress?: OnProgress,
): Promise<RetrievalScores> {
  const { queries, index } = await modelVectors(config, model, files, onProgress);
  return scoreRetrievalSet({
    ...{ queries, queryLabels: files.queries.labels, index, indexLabels: files.index.labels },
    own: files.own,
  });
}

type RetrievalPart = "queries" | "index";

/** Each image squashed to 16 x 16, its 768 values less their mean: what can be had without any model. */
async function pixelVectors(config: Readonly<TrainConfig>, files: readonly string[]): Promise<Vectors> {
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
 * The backbone's features of the training images and of the retrieval set, standardised by the training images' mean
 * and deviation where the config says so.
 */
export async function backboneVectors(
  config: Readonly<TrainConfig>,
  files: RetrievalFiles,
  onProgress?: OnProgress,
): Promise<Record<RetrievalPart | "train", Vectors>> {
  const train = await trainFeatures(config, onProgress);
  const standardisation = config.standardise ? standardisationBy(train) : undefined;
  const prepared = (features: Vectors) =>
    standardisation ? standardised(features, standardisation) : features;
  const embed = async (set: RetrievalPart) =>
    prepared(await ensureFeatures(config, set, files[set].files, onProgress));
  return { train: prepared(train), queries: await embed("queries"), index: await embed("index") };
}

/** Features of all distinct training and validation images. */
export async function trainFeatures(
  config: Readonly<TrainConfig>,
  onProgress?: OnProgress,
): Promise<Vectors> {
  const { train, validation } = await readWholeData(config);
  return ensureFeatures(config, "train", distinctFiles(train.files, validation.files), onProgress);
}
