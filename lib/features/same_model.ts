// Vectors of two models cannot be compared: an index takes vectors and queries of its own model only.
import { UserError } from "../common/errors";
import type { Features, MadeBy } from "./feature_files";

/** Returns the name by which the model of features is found again; undefined for vectors of unknown origin. */
export function modelName({ transform, run, tower }: MadeBy): string | undefined {
  const name = transform ?? run ?? tower;
  return name === undefined ? undefined : String(name);
}

/** Returns "the backbone dinov2-vit-s-14 at 56 px", "the run RUN, or another checkpoint of it", ... */
export function modelText({ transform, run, tower, imageSize }: MadeBy): string {
  const base =
    run === undefined
      ? `the backbone ${tower} at ${imageSize} px`
      : `the run ${run}, or another checkpoint of it`;
  return transform === undefined ? base : `the model ${transform}, or an earlier fit of it, on ${base}`;
}

/** Returns the property in which two models' vectors differ, views apart; undefined for the same model. */
export function modelDifference(madeBy: MadeBy, other: MadeBy): string | undefined {
  const differs = Object.keys(other).find((name) => name !== "views" && madeBy[name] !== other[name]);
  return (
    differs ?? (["average", "transform", "resizeMode"] as const).find((name) => other[name] !== madeBy[name])
  );
}

/**
 * Checks that features come from a model.
 * @param model the name under which it was given, if it was
 * @throws UserError if they come from another one
 */
export function requireSameModel(
  { folder, madeBy }: Pick<Features, "folder" | "madeBy">,
  embedder: { madeBy: MadeBy },
  model?: string,
): void {
  if (modelDifference(madeBy, embedder.madeBy) === undefined) return;
  const other = modelName(madeBy);
  const search = model === other ? "" : `, or take its own model: --model ${other}`;
  throw new UserError(
    `${folder} holds features by ${modelText(madeBy)}: they cannot be compared with those by ${model ?? modelText(embedder.madeBy)}.`,
    `${embedCommand(model, "FOLDER")}${search}`,
  );
}

/** Returns the command that embeds photos again by a model. */
export function embedCommand(model: string | undefined, out: string): string {
  const by = model === undefined ? "" : ` --model ${model}`;
  return `npx guie embed PHOTOS${by} --out ${out}`;
}
