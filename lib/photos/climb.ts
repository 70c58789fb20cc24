// Climbs the ladder of `fit` rung by rung within a time limit: closed forms, a neck, their cross-validation, fine-tuning.
import { Interrupted } from "../common/interrupt";
import { formatSeconds, type ProgressOptions } from "../common/progress";
import { type TimeLimit, timed } from "../common/time_limit";
import { overrideConfig } from "../config/config";
import type { Stage } from "../config/run";
import { compareOnHeldOut } from "../experiments/compare";
import type { Fit } from "../experiments/cross_validate";
import { readTrainImages, type TrainImages } from "../experiments/transform_rungs";
import type { ComparisonRow } from "../retrieval/evaluation";
import { isFinished, runFolder } from "../runs/run_folder";
import { estimateRun, type RunEstimate } from "../training/estimate";
import { type AllPhotos, embedAllPhotos, quickFits, validatePixels, validationOf } from "./cross_validated";
import { type Advice, adviceOf } from "./ladder_advice";
import { trainStage } from "./train_stage";
import { tryTransform } from "./transforms";

/** A rung that was not climbed, or not cross-validated, and why. */
export interface LeftOutRung {
  model: string;
  /** What was left out of it. */
  what: "model" | "cross-validation";
  reason: string;
}

type StageConfig = ReturnType<typeof overrideConfig>;

/** What `climbRungs` needs. */
export interface ClimbRequest extends ProgressOptions {
  /** The models are `<name>_whitened`, `<name>_lda`, `<name>_frozen`, `<name>_fine_tune`. */
  name: string;
  /** Number of held-out classes. */
  heldOut: number;
  /** Returns the config of a stage. */
  configOf: (stage: Stage) => StageConfig;
  limit: TimeLimit;
  overwrite: boolean | undefined;
  /** Receives lines for people. */
  say: (line: string) => void;
}

/** The ladder's scores, and what they say. */
export interface ClimbedLadder {
  rungs: ComparisonRow[];
  crossValidated: ComparisonRow[];
  advice: Advice;
  leftOut: LeftOutRung[];
}

const TITLES = {
  whitened: "whitening",
  lda: "LDA",
  frozen: "a neck on frozen features",
  fine_tune: "fine-tuning",
};
type Rung = keyof typeof TITLES;
/** Below this number of held-out classes the rungs are cross-validated, too. */
const FEW_CLASSES = 20;

/**
 * Climbs the ladder. Work that does not fit into the limit, by its estimate and with the comparison at the end, is left
 * out; training that takes longer than its estimate is stopped in time, and goes on at the next call.
 */
export async function climbRungs(request: ClimbRequest): Promise<ClimbedLadder> {
  const climb = await Climb.begin(request);
  for (const kind of ["whitened", "lda"] as const) await climb.transform(kind);
  await climb.train("frozen");
  await climb.validate();
  await climb.train("fine_tune");
  return climb.end();
}

class Climb {
  readonly #request: ClimbRequest;
  readonly #frozen: StageConfig;
  readonly #train: TrainImages;
  readonly #fits: ReturnType<typeof quickFits>;
  readonly #climbed: Rung[] = [];
  readonly #leftOut: LeftOutRung[] = [];
  /** All photos; their rungs are cross-validated if few classes are held out. */
  #photos: AllPhotos | undefined;
  /** Rungs to cross-validate, with the expected time of a fold. */
  readonly #quick: { name: string; fit: Fit; foldSeconds: number }[] = [];
  readonly #validated: ComparisonRow[] = [];
  /** Rows of pixels, which are shown, but no rung to use. */
  readonly #pixels: { held: ComparisonRow[]; validated: ComparisonRow[] } = { held: [], validated: [] };
  /** Time to compare one model on the held-out classes. */
  #compareSeconds = 0;

  static async begin(request: ClimbRequest): Promise<Climb> {
    const frozen = overrideConfig(request.configOf("frozen"), { holdOutShare: 0 });
    const climb = new Climb(request, frozen, await readTrainImages(frozen));
    await climb.#scoreUntrained();
    return climb;
  }

  private constructor(request: ClimbRequest, frozen: StageConfig, train: TrainImages) {
    this.#request = request;
    this.#frozen = frozen;
    this.#train = train;
    this.#fits = quickFits(frozen);
  }

  /** Embeds all photos, and scores pixels and the backbone. */
  async #scoreUntrained(): Promise<void> {
    const { say, onProgress, limit } = this.#request;
    const { featureSeconds = 0 } = await estimateRun(this.#frozen);
    if (featureSeconds > 0) {
      const late = limit.whyNot(featureSeconds) ? "; all else needs that, so it is not left out" : "";
      say(`embedding by the backbone: about ${formatSeconds(featureSeconds)}${late}`);
    }
    this.#photos = await embedAllPhotos(this.#frozen, this.#train, { onProgress });
    const { result, seconds } = await timed(() => this.#compare(["pixels"]));
    this.#pixels.held.push(...result);
    this.#compareSeconds = Math.max(seconds, (await timed(() => this.#compare(["backbone"]))).seconds);
    this.#quick.push({ name: "backbone", fit: this.#fits.backbone, foldSeconds: 0 });
  }

  /** Fits a whitening or an LDA. */
  async transform(kind: "whitened" | "lda"): Promise<void> {
    const { overwrite, onProgress } = this.#request;
    const name = this.#nameOf(kind);
    const rung = { name, kind, config: this.#frozen, train: this.#train, overwrite, onProgress };
    const { result: reason, seconds } = await timed(() => tryTransform(rung));
    if (reason !== undefined) return this.#leave(name, "model", reason);
    this.#climbed.push(kind);
    this.#quick.push({ name, fit: this.#fits[kind], foldSeconds: seconds });
  }

  /** Trains a stage, if there is time. */
  async train(stage: Stage): Promise<void> {
    const { configOf, say, limit, overwrite, onProgress } = this.#request;
    const config = configOf(stage);
    const name = this.#nameOf(stage);
    const isFrozen = stage === "frozen";
    if (!isFrozen && !this.#climbed.includes("frozen"))
      return this.#leave(name, "model", `it starts from ${this.#nameOf("frozen")}`);
    let expectedSeconds = 0;
    if (!isFinished(runFolder(config.runName))) {
      const estimate = await estimateRun(config);
      expectedSeconds = secondsOf(estimate);
      const reason = limit.whyNot(expectedSeconds + this.#endSeconds);
      if (reason !== undefined) return this.#leave(name, "model", reason);
      const memory = `${estimate.memoryMB.toLocaleString("en-US")} MB`;
      say(`training ${name}: about ${formatSeconds(expectedSeconds)} and ${memory}`);
    }
    const signal = expectedSeconds > 0 ? limit.signalBefore(this.#endSeconds) : undefined;
    try {
      const { seconds } = await timed(() => trainStage(config, { overwrite, onProgress, say, signal }));
      this.#climbed.push(stage);
      const foldSeconds = Math.max(seconds, expectedSeconds);
      if (isFrozen) this.#quick.push({ name, fit: this.#fits.frozen, foldSeconds });
    } catch (error) {
      if (!(error instanceof Interrupted) || !signal?.aborted) throw error;
      this.#leave(name, "model", "its time was up: it is saved, and goes on with more --minutes");
    }
  }

  /** Where few classes are held out, cross-validates the rungs so far, as long as there is time. */
  async validate(): Promise<void> {
    const { heldOut, limit, onProgress } = this.#request;
    if (heldOut >= FEW_CLASSES) return;
    const validation = validationOf(this.#photos!);
    const leftSeconds = () => limit.leftSeconds - this.#endSeconds;
    for (const { name, fit, foldSeconds } of this.#quick) {
      const row = await validation.score(name, fit, { foldSeconds, leftSeconds, onProgress });
      if (row) this.#validated.push(row);
      else {
        const left = formatSeconds(limit.leftSeconds);
        this.#leave(name, "cross-validation", `it takes longer than the ${left} that are left`);
      }
    }
    if (this.#validated.length > 0)
      this.#pixels.validated.push(await validatePixels(this.#frozen, this.#photos!));
  }

  /** Compares all rungs that were climbed. */
  async end(): Promise<ClimbedLadder> {
    const models = ["backbone", ...this.#climbed.map((rung) => this.#nameOf(rung))];
    const rungs = await this.#compare(models);
    const titles = this.#climbed.map((rung) => [this.#nameOf(rung), TITLES[rung]] as const);
    const advice = adviceOf(rungs, this.#validated, {
      backbone: "the backbone",
      ...Object.fromEntries(titles),
    });
    const { held, validated } = this.#pixels;
    return {
      rungs: [...held, ...rungs],
      crossValidated: [...validated, ...this.#validated],
      advice,
      leftOut: this.#leftOut,
    };
  }

  /** The time to keep for the comparison at the end. */
  get #endSeconds(): number {
    const rungs = this.#climbed.length + 2; // the backbone, and the one that is trained
    return rungs * this.#compareSeconds;
  }

  #compare(models: readonly string[]): Promise<ComparisonRow[]> {
    const { onProgress } = this.#request;
    return compareOnHeldOut(this.#frozen, models, { against: "best", train: this.#train, onProgress });
  }

  #leave(model: string, what: LeftOutRung["what"], reason: string): void {
    this.#leftOut.push({ model, what, reason });
    this.#request.say(leftOutRungText({ model, what, reason }));
  }

  #nameOf(rung: Rung): string {
    return `${this.#request.name}_${rung}`;
  }
}

/** Returns the sentence about a rung that was left out. */
export function leftOutRungText({ model, what, reason }: LeftOutRung): string {
  return what === "model" ? `${model} is left out: ${reason}` : `${model} is not cross-validated: ${reason}`;
}

/** Sums the parts of an estimate; the comparison evaluates once more. */
function secondsOf({ featureSeconds = 0, trainingSeconds = 0, evaluationSeconds = 0 }: RunEstimate): number {
  return featureSeconds + trainingSeconds + 2 * evaluationSeconds;
}
