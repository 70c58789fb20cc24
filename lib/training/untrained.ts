// Scores the untrained backbone on a run's queries, as it is and whitened: once per data and backbone, then kept.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { readJson, writeJson } from "../common/files/files";
import { keptFolder } from "../common/files/kept_folder";
import { formatSeconds, type ProgressOptions } from "../common/progress";
import type { Vectors } from "../common/vectors";
import { atEvaluationSize } from "../config/model";
import type { EstimateSettings, FrozenDataSettings } from "../config/parts";
import { dataFolder, featuresPath } from "../config/paths";
import { scoreRetrievalSet } from "../embedding/embed_images";
import { readSummary } from "../features/feature_files";
import { featureFolder, madeByBackbone } from "../features/features";
import { standardisationBy, standardised } from "../features/standardise";
import { type Reduction, reduceRows } from "../retrieval/reduction";
import { fitWhitening, WHITENING_RULE } from "../retrieval/whitening";
import { UNTRAINED, type Untrained } from "../runs/metrics";
import { setFingerprint } from "../runs/scored_on";
import { readFrozenData } from "./data/frozen_data";
import { distinctFiles } from "./data/read_run_data";
import type { RunData } from "./data/run_data";
import { estimateFeatureSeconds } from "./estimate";

/** The untrained backbone's features of a run's images. */
export interface UntrainedFeatures {
  /** Features of the distinct images that the run learns from, [N, F]. */
  learned: Vectors;
  /** Features of all queries, or of the whole index. */
  featuresOf(set: "queries" | "index"): Promise<Vectors>;
}

/** Settings that the scores of the untrained backbone depend on. */
export type UntrainedSettings = FrozenDataSettings & EstimateSettings;

/** Longest time for features that only these scores need. */
const MOST_SECONDS = 60;
/** The rule of scoring; the number changes when the kept scores are computed in another way. */
const RULE = `rule 2, ${WHITENING_RULE}`;

/**
 * Scores the untrained backbone on the run's queries; undefined if no classes are held out.
 * @param features the features, if the run has them; a fine-tuned run reads those of its frozen stage, and computes them
 *   if that takes at most a minute
 */
export async function scoreUntrained(
  config: UntrainedSettings,
  data: RunData,
  features?: UntrainedFeatures,
  options: ProgressOptions = {},
): Promise<Untrained | undefined> {
  if (!data.retrieval) return undefined;
  const path = keptPath(config);
  const kept = readKept(path)[keyOf(config, data)];
  if (kept) return kept;
  const leftOut = features ? undefined : await whyLeftOut(config, data);
  if (leftOut) return { leftOut };
  const measured = await measure(config, data, features ?? (await readFeatures(config, options)));
  // the features may have been computed just now, and they are part of the key
  writeJson(path, { rule: RULE, scores: { ...readKept(path), [keyOf(config, data)]: measured } });
  return measured;
}

async function measure(
  { standardise }: UntrainedSettings,
  { retrieval }: RunData,
  { learned, featuresOf }: UntrainedFeatures,
): Promise<Untrained> {
  const { queries, index, own } = retrieval!;
  const [queryRows, indexRows] = [await featuresOf("queries"), await featuresOf("index")];
  const scoreBy = async (prepare: (rows: Vectors) => Vectors) => {
    const { mp5, r1 } = await scoreRetrievalSet({
      queries: prepare(queryRows),
      queryLabels: queries.labels,
      index: prepare(indexRows),
      indexLabels: index.labels,
      own,
    });
    return { mp5, r1 };
  };
  const standardisation = standardise ? standardisationBy(learned) : undefined;
  const backbone = await scoreBy((rows) => (standardisation ? standardised(rows, standardisation) : rows));
  const whitening = await whiteningOf(learned);
  const whitened = whitening && (await scoreBy((rows) => reduceRows(rows, whitening)));
  return { backbone, whitened };
}

/** Returns the whitening of rows; undefined if they are too few, or do not vary in enough directions. */
async function whiteningOf(rows: Vectors): Promise<Reduction | undefined> {
  try {
    return await fitWhitening(rows);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function readFeatures(config: UntrainedSettings, options: ProgressOptions): Promise<UntrainedFeatures> {
  const { features, featuresOf } = await readFrozenData(config, options);
  return { learned: features, featuresOf };
}

/** Returns the reason for not computing features of a fine-tuned run; undefined if they are there, or cheap. */
async function whyLeftOut(config: UntrainedSettings, data: RunData): Promise<string | undefined> {
  const seconds = await estimateFeatureSeconds(config, data);
  if (seconds <= MOST_SECONDS) return undefined;
  return (
    `not scored, because its features would take about ${formatSeconds(seconds)}; ` +
    "the frozen stage computes them: npx guie train --stage frozen"
  );
}

/** Returns the file of the kept scores, beside the features. */
function keptPath(config: UntrainedSettings): string {
  const folder = config.features
    ? keptFolder(featuresPath(config))
    : keptFolder(dataFolder(config), "features");
  return join(folder, "untrained.json");
}

const KEPT = z.looseObject({ rule: z.string().optional(), scores: z.unknown().optional() });
const SCORES = z.object({ scores: z.record(z.string(), UNTRAINED) });

/** Reads the kept scores by their keys; none if they were made by another rule, or before files named theirs. */
function readKept(path: string): Record<string, Untrained> {
  const next = "Delete it: it is written again.";
  if (!existsSync(path) || readJson(path, KEPT, next).rule !== RULE) return {};
  return readJson(path, SCORES, next).scores;
}

/** Returns a key of all that the scores depend on: backbone, images by content, queries. */
function keyOf(config: UntrainedSettings, data: RunData): string {
  const evaluated = atEvaluationSize(config);
  const isOtherSize = evaluated.imageSize !== config.imageSize;
  const learned = createHash("sha256");
  for (const file of distinctFiles(data.train.files, data.validation.files)) learned.update(`${file}\n`);
  const folders = config.features
    ? ["", "train", "queries", "index"].map((set) => join(featuresPath(config), set))
    : ["train", "queries", "index"].map((set) => featureFolder(set === "train" ? config : evaluated, set));
  const contents = folders.map((folder) => {
    const { identity, content } = readSummary(folder) ?? {};
    return [identity, content];
  });
  const parts = {
    backbone: madeByBackbone(config),
    ...(isOtherSize ? { evaluated: madeByBackbone(evaluated) } : {}),
    standardise: config.standardise,
    learned: learned.digest("hex"),
    queries: setFingerprint(data.retrieval!),
    contents,
  };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
