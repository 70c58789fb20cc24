// The verdict of an index on disk, beside the index: `verdict_<model>.json`. It belongs to one model, one set of rows
// and their classes, and is refused for others. Shapes: N rows, F numbers per vector of the model.
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { makeFolder, readJson, writeJson } from "../common/files/files";
import { cacheFolder, keptFolder } from "../common/files/kept_folder";
import { shellQuoted } from "../common/shell";
import { rowOf, type Vectors } from "../common/vectors";
import type { Features, MadeBy } from "../features/feature_files";
import { digestOf } from "../features/feature_sources";
import { type Reduction, reduceRows } from "../retrieval/reduction";
import { probabilityOf } from "../verdict/calibration";
import type { Verdict } from "../verdict/judge";
import { mapInto, VERDICT_SPACES } from "../verdict/spaces";
import { percent } from "../verdict/threshold";

/** What a verdict belongs to. */
export interface JudgedIndex {
  /** The folder that holds the verdicts of the index. */
  home: string;
  /** The properties of the model's vectors. */
  madeBy: MadeBy;
  /** Identity of the rows: it changes with every image. */
  rows: string;
  /** Class of each row, [N]; undefined for photos without classes. */
  labels: ArrayLike<number> | undefined;
}

const SHARE = z.number().nullable();
const KEPT = z.looseObject({
  model: z.string(),
  index: z.string(),
  space: z.enum(VERDICT_SPACES),
  report: z.looseObject({
    threshold: z.looseObject({ rate: z.number(), value: z.number() }),
    trueAccept: z.looseObject({ mean: SHARE }),
    unknown: z.number(),
    calibration: z.looseObject({ intercept: z.number(), slope: z.number() }),
  }),
});

/** A verdict that was read: the part that answers need. */
export type KeptVerdict = z.infer<typeof KEPT>;

const NAME_LENGTH = 8;

/** Returns the folder for what belongs to photos as an index. @param source absolute path of the photos */
export function photosHome(source: string): string {
  const key = createHash("sha256").update(source).digest("hex").slice(0, NAME_LENGTH);
  return keptFolder(cacheFolder(), "graphs", `${basename(source)}-${key}`);
}

/** Returns the identity of photos as rows of an index. @param contents the hash of each photo's bytes, [N] */
export function photosIdentity(madeBy: MadeBy, contents: readonly string[]): string {
  return digestOf([JSON.stringify(madeBy), ...contents]);
}

/** Returns what a verdict of an index belongs to. @param features folder and identity of its vectors */
export function judgedIndex(
  { folder, identity, content = "" }: Pick<Features, "folder" | "identity" | "content">,
  madeBy: MadeBy,
  labels: ArrayLike<number> | undefined,
): JudgedIndex {
  return { home: folder, madeBy, rows: digestOf([identity, content]), labels };
}

function fingerprints({ madeBy, rows, labels }: JudgedIndex): { model: string; index: string } {
  return {
    model: digestOf([JSON.stringify(madeBy)]),
    index: digestOf([rows, ...Array.from(labels ?? [], String)]),
  };
}

function pathOf(home: string, model: string): string {
  return join(home, `verdict_${model.slice(0, NAME_LENGTH)}.json`);
}

/** Writes the verdict of an index. @returns the file */
export function writeVerdict(judged: JudgedIndex, verdict: Verdict): string {
  const { model, index } = fingerprints(judged);
  makeFolder(judged.home);
  const path = pathOf(judged.home, model);
  writeJson(path, { model, index, ...verdict });
  return path;
}

/** Returns the command that makes the verdict of photos, or of the held-out classes. */
export function judgeCommand(model: string | undefined, photos: string | undefined): string {
  const words = [model ?? "", "--threshold", photos === undefined ? "" : `--in ${shellQuoted(photos)}`];
  return ["npx guie evaluate", ...words].filter(Boolean).join(" ");
}

/** The verdict of an index, or why there is none. */
export type VerdictState = { verdict: KeptVerdict } | { lack: string; next: string };

/**
 * Reads the verdict of an index.
 * @param command the command that makes one
 */
export function readVerdict(judged: JudgedIndex, command: string): VerdictState {
  const { model, index } = fingerprints(judged);
  if (judged.labels === undefined)
    return {
      lack: "no verdict: these images have no classes",
      next: `sort them into a folder per object, then ${command}`,
    };
  const path = pathOf(judged.home, model);
  if (!existsSync(path)) {
    const hasOther =
      existsSync(judged.home) && readdirSync(judged.home).some((name) => /^verdict_/.test(name));
    return {
      lack: hasOther ? "no verdict: the one that is kept is of another model" : "no verdict yet",
      next: command,
    };
  }
  const verdict = readJson(path, KEPT, `Make it again: ${command}`);
  if (verdict.model === model && verdict.index === index) return { verdict };
  return { lack: "no verdict: images or classes have changed since it was made", next: command };
}

/** What a verdict says of a hit. */
export interface HitVerdict {
  /** True if its score reaches the threshold. */
  isSame: boolean;
  /** Probability that it shows the same object, 0..1. */
  probability: number;
}

/** Judges hits. @param query vector of the model, [F] @param positions of the hits in the index */
export type HitJudge = (query: Float32Array, positions: ArrayLike<number>) => HitVerdict[];

/**
 * Prepares a verdict for its index. It judges the hits that a search shows: the best of them is at most the best of the
 * index, so the rate of false accepts is kept.
 * @param vectors of the model, [N, F]
 * @param known the whitening of these vectors by themselves, and the whitened vectors, if a search has made them
 */
export async function hitJudge(
  { space, report }: KeptVerdict,
  vectors: Vectors,
  known: { whitening?: Reduction | undefined; vectors?: Vectors } = {},
): Promise<HitJudge> {
  const whitening = space === "whitened" ? known.whitening : undefined;
  const map = whitening ?? (await mapInto(space, vectors));
  const rows = (whitening && known.vectors) ?? (map ? reduceRows(vectors, map) : vectors);
  return (query, positions) => {
    const one: Vectors = { data: query, count: 1, length: query.length };
    const mapped = map ? reduceRows(one, map).data : query;
    return Array.from(positions, (position) => {
      const score = cosine(mapped, rowOf(rows, position));
      return {
        isSame: score >= report.threshold.value,
        probability: probabilityOf(report.calibration, score),
      };
    });
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squareA += a[i]! * a[i]!;
    squareB += b[i]! * b[i]!;
  }
  return dot === 0 ? 0 : dot / Math.sqrt(squareA * squareB);
}

/** Words for an answer in which no hit is the same object. */
export const NOTHING_ALIKE = "nothing alike in this index";

/** Returns what an answer says of a hit: "same object, 97 %"; "" for one that is not. */
export function hitText(verdict: HitVerdict | null): string {
  if (!verdict?.isSame) return "";
  return `same object, ${Math.floor(100 * verdict.probability)} %`;
}

/** Tells whether a verdict says that none of some hits is the same object. */
export function isNothingAlike(hits: readonly { verdict: HitVerdict | null }[]): boolean {
  return hits.length > 0 && hits.every(({ verdict }) => verdict !== null && !verdict.isSame);
}

/** Returns a line about the verdict of an index: its promise, or why there is none and what would give one. */
export function verdictText(state: VerdictState): string {
  if (!("verdict" in state)) return `${state.lack}: ${state.next}`;
  const { rate, value } = state.verdict.report.threshold;
  return `same object: a verdict with ${percent(rate)} false accepts, cosine ${value.toFixed(3)} or more`;
}
