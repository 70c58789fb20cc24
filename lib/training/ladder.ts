// The author's ladder on held-out classes: pixels, backbone as it is, neck on frozen features, fine-tuned.
import { UserError } from "../common/errors";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { TrainConfig } from "../config/config";
import { loadImages } from "../images/loader";
import { resizeRgb } from "../images/resize";
import { ensureFeatures } from "../retrieval/features";
import { type RetrievalScores, scoreRetrieval } from "../retrieval/metrics";
import { nearestNeighbours, type Vectors } from "../retrieval/neighbours";
import { distinctFiles, type RetrievalFiles, readRetrievalFiles, readRunData } from "./data";
import { loadEmbedder } from "./embedder";

const PIXEL_GRID = 16;

/** One rung. */
export interface LadderRung extends RetrievalScores {
  name: string;
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
  const files = await readRetrievalFiles(config.dataDir);
  if (!files) {
    throw new UserError(
      `Expected retrieval/queries.csv and retrieval/index.csv below ${projectPath(config.dataDir)}: they are not there.`,
      "Draw the demo set (npx guie get-data --demo), or write the two files (image_files,labels).",
    );
  }
  const rungs = [
    { name: "pixels", ...(await score(files, (set) => pixelVectors(config, files[set].files))) },
    { name: "backbone", ...(await scoreBackbone(config, files, onProgress)) },
  ];
  for (const [name, run] of Object.entries(runs)) {
    rungs.push({ name, ...(await scoreRun(run, config.dataDir, files, onProgress)) });
  }
  return rungs;
}

/** Retrieval scores of a run's model. @param run as `findCheckpoint` takes it */
export async function scoreRun(
  run: string,
  dataDir: string,
  files: RetrievalFiles,
  onProgress?: OnProgress,
): Promise<RetrievalScores> {
  const embedder = loadEmbedder(run);
  try {
    return await score(files, (set) => embedder.embed(dataDir, set, files[set].files, onProgress));
  } finally {
    embedder.dispose();
  }
}

type RetrievalPart = keyof RetrievalFiles;

async function score(
  files: RetrievalFiles,
  embed: (set: RetrievalPart) => Promise<Vectors>,
): Promise<RetrievalScores> {
  const queries = await embed("queries");
  const { positions } = await nearestNeighbours(queries, await embed("index"), 5);
  return scoreRetrieval(positions, files.queries.labels, files.index.labels);
}

/** Each image squashed to 16 x 16, its 768 values less their mean: what can be had without any model. */
async function pixelVectors(config: Readonly<TrainConfig>, files: readonly string[]): Promise<Vectors> {
  const images = await loadImages(config.dataDir, files, config.imageSize, config.numWorkers);
  const length = 3 * PIXEL_GRID ** 2;
  const data = new Float32Array(files.length * length);
  for (const [i, image] of images.entries()) {
    const small = resizeRgb(image, { method: "area", width: PIXEL_GRID, height: PIXEL_GRID });
    const mean = small.data.reduce((sum, value) => sum + value, 0) / length;
    for (const [j, value] of small.data.entries()) data[i * length + j] = value - mean;
  }
  return { data, count: files.length, length };
}

/** The backbone's features, standardised by the training images' mean and deviation where the config says so. */
async function scoreBackbone(
  config: Readonly<TrainConfig>,
  files: RetrievalFiles,
  onProgress?: OnProgress,
): Promise<RetrievalScores> {
  const statistics = config.standardise
    ? featureStatistics(await trainFeatures(config, onProgress))
    : undefined;
  return score(files, async (set) => {
    const features = await ensureFeatures(config, set, files[set].files, onProgress);
    return statistics ? standardiseVectors(features, statistics) : features;
  });
}

/** Features of all distinct training and validation images. */
export async function trainFeatures(
  config: Readonly<TrainConfig>,
  onProgress?: OnProgress,
): Promise<Vectors> {
  const { train, validation } = await readRunData(config);
  return ensureFeatures(config, "train", distinctFiles(train.files, validation.files), onProgress);
}

interface Statistics {
  mean: Float64Array;
  deviation: Float64Array;
}

function featureStatistics({ data, count, length }: Vectors): Statistics {
  const mean = new Float64Array(length);
  const square = new Float64Array(length);
  for (let i = 0; i < data.length; i++) {
    mean[i % length]! += data[i]! / count;
    square[i % length]! += data[i]! ** 2 / count;
  }
  return { mean, deviation: square.map((value, j) => Math.sqrt(Math.max(1e-12, value - mean[j]! ** 2))) };
}

function standardiseVectors(vectors: Vectors, { mean, deviation }: Statistics): Vectors {
  const { length } = vectors;
  return {
    ...vectors,
    data: vectors.data.map((value, i) => (value - mean[i % length]!) / deviation[i % length]!),
  };
}
