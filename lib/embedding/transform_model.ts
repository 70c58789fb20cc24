// A model without training, on disk: a base model, and a linear map that was fitted to its vectors. A folder
// `checkpoints/NAME/` holds
//   model.json              kind, base, and the images that it was fitted to; written with the rest, or not at all
//   reduction.safetensors   the map: mean [F], matrix [F, d]
//   trained_images.bin      the images that it was fitted to, by the hash of their paths
//   export/                 its exports; export_before/, ..._2/: those of the models of this name before it
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { inWords } from "../common/files/errno";
import { readJson, writeJson } from "../common/files/files";
import { TRANSFORM_PARTS } from "../common/files/made_parts";
import {
  type MadeKind,
  makingPlace,
  putInPlace,
  requireReplaceable,
  settleReplaced,
} from "../common/files/replace";
import { notice } from "../common/notice";
import { projectPath } from "../common/project";
import type { Texts } from "../common/texts";
import { MODEL } from "../config/model";
import { withPresentNames } from "../config/old_names";
import type { MadeBy } from "../features/feature_files";
import type { Reduction } from "../retrieval/reduction";
import { writeReduction } from "../retrieval/reduction_file";
import { type Learned, readTrainedImages, writeTrainedImages } from "../runs/learned_classes";
import { RUN_FILES, runFolder } from "../runs/run_folder";

/** Kinds of such models: `whitened` needs images, `lda` images with classes. */
export const TRANSFORM_KINDS = ["whitened", "lda"] as const;
/** A kind of such a model. */
export type TransformKind = (typeof TRANSFORM_KINDS)[number];

/** Names that no model on disk may have: the ladder makes these on its own data. */
export const RESERVED_NAMES: readonly string[] = ["pixels", "backbone", ...TRANSFORM_KINDS];

const BACKBONE_SETTINGS = z.object({
  tower: z.string(),
  weights: z.string(),
  imageSize: z.number().int().positive(),
  resizeMode: MODEL.resizeMode.schema.default(MODEL.resizeMode.default),
  lastBlocks: z.number().int().positive(),
  patchPooling: MODEL.patchPooling.schema,
  gemPower: MODEL.gemPower.schema.default(MODEL.gemPower.default),
  precision: z.enum(["float32", "bfloat16", "float16"]),
  seed: z.number().int(),
});
/** Settings of a base without a run. */
export type BackboneBase = z.infer<typeof BACKBONE_SETTINGS>;

/** Reads these settings; files of earlier versions have old names. */
const NOTED_SETTINGS = z
  .record(z.string(), z.unknown())
  .transform((noted) => withPresentNames(noted).settings)
  .pipe(BACKBONE_SETTINGS);

const NOTE = z.object({
  kind: z.enum(TRANSFORM_KINDS),
  base: z.union([z.object({ run: z.string() }), NOTED_SETTINGS]),
  madeBy: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  length: z.number().int().positive(),
  fittedTo: z.object({
    folder: z.string(),
    images: z.number().int().positive(),
    classes: z.number().int().positive().optional(),
  }),
  learned: z.array(z.string()),
});

/** The content of `model.json`. */
export interface TransformNote {
  kind: TransformKind;
  /** The run whose vectors are mapped, as `findCheckpoint` takes it; or the settings of a backbone. */
  base: { run: string } | BackboneBase;
  /** The properties of the base's vectors; weights by their content. */
  madeBy: MadeBy;
  /** Number of values of a vector. */
  length: number;
  /** The images that it was fitted to; `classes` only if their labels were used. */
  fittedTo: { folder: string; images: number; classes?: number | undefined };
  /** Names "data set/class name" of the classes whose labels were used, as far as they have names. */
  learned: string[];
}

/** A model of that kind, found on disk. */
export interface TransformModel extends TransformNote {
  name: string;
  folder: string;
}

const FILES = { note: "model.json", reduction: "reduction.safetensors" } as const;

/** Recognises the folder of such a model and its parts. */
export const TRANSFORM_FOLDER: MadeKind = {
  what: "a whitened or LDA model",
  isFolder: true,
  parts: TRANSFORM_PARTS,
  isMade: (path) => existsSync(join(path, FILES.note)),
};

/** Returns the path of a model's map. */
export function reductionPath({ folder }: Pick<TransformModel, "folder">): string {
  return join(folder, FILES.reduction);
}

/** Finds such a model by its name below checkpoints/, or by its folder; undefined if there is none. */
export function seekTransform(reference: string): TransformModel | undefined {
  const folder = runFolder(reference);
  const path = join(folder, FILES.note);
  if (!existsSync(path)) return undefined;
  const note = readJson(path, NOTE, "Fit it again: npx guie whiten --help");
  return { ...note, name: basename(folder), folder };
}

/** Lists such models below `checkpoints/`, sorted by name. */
export function listTransforms(): TransformModel[] {
  const home = projectPath("checkpoints");
  if (!existsSync(home)) return [];
  const names = readdirSync(home).filter((name) => !name.startsWith("."));
  return names.sort().flatMap((name) => seekTransform(name) ?? []);
}

/** A whitened or LDA model as one row of a table. */
export interface TransformRow {
  model: string;
  kind: TransformKind;
  /** The run or tower whose vectors are mapped. */
  base: string;
  /** Number of values of a vector. */
  numbers: number;
  images: number;
  classes: number | "";
  "fitted to": string;
}

/**
 * Returns one row per whitened or LDA model below `checkpoints/`. For `show` and `guie runs`.
 * @example
 * show(transformTable());
 */
export function transformTable(): TransformRow[] {
  return listTransforms().map(({ name, kind, base, length, fittedTo: { folder, images, classes } }) => ({
    model: name,
    kind,
    base: "run" in base ? base.run : `${base.tower}, ${base.imageSize} px`,
    numbers: length,
    images,
    classes: classes ?? "",
    "fitted to": folder,
  }));
}

/** Returns what a model has learned: the images that it was fitted to, and the classes whose labels it used. */
export function learnedByTransform({ folder, kind, learned, fittedTo }: TransformModel): Learned {
  return {
    classes: new Set(learned),
    images: readTrainedImages(folder),
    dataDir: fittedTo.folder,
    isPartial: kind === "lda" && learned.length === 0,
    usesNoLabels: kind === "whitened",
  };
}

/**
 * Checks that a model of this name may be written.
 * @throws UserError for a name that is reserved or malformed; if the place holds a run or something else, or such a
 * model without `overwrite`
 */
export function requireTransformPlace(name: string, overwrite: boolean): string {
  if (RESERVED_NAMES.includes(name))
    throw new UserError(
      `The name "${name}" is reserved: it means a model that is fitted to the data at hand.`,
      `Choose another --name, for example shop_${name}.`,
    );
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw new UserError(
      `Expected a name of letters, digits, dot, dash and underscore, got "${name}".`,
      "Choose another --name.",
    );
  const place = runFolder(name);
  if (existsSync(join(place, RUN_FILES.config)))
    throw new UserError(`${place} holds a run. It stays as it is.`, "Choose another --name.");
  requireReplaceable(place, TRANSFORM_FOLDER, { overwrite, option: "--name" });
  return place;
}

/**
 * Writes a model, completely or not at all. A model that is there already stays with its exports; exports of another
 * one that is replaced are kept as `export_before/`.
 * @param files the images that it was fitted to, by paths below `note.fittedTo.folder`
 * @throws UserError as `requireTransformPlace`
 */
export async function writeTransform(
  name: string,
  note: TransformNote,
  reduction: Reduction,
  files: Texts,
  { overwrite = false } = {},
): Promise<TransformModel> {
  const place = requireTransformPlace(name, overwrite);
  mkdirSync(projectPath("checkpoints"), { recursive: true });
  return asOwner(place, "The fit", async () => {
    settleReplaced(place);
    requireTransformPlace(name, overwrite);
    const making = makingPlace(place);
    rmSync(making, { recursive: true, force: true });
    try {
      mkdirSync(making);
      await writeReduction(join(making, FILES.reduction), reduction);
      writeTrainedImages(making, [files]);
      writeJson(join(making, FILES.note), note);
      if (isSameModel(making, place)) return { ...note, name, folder: place };
      keepExports(place, making);
      putInPlace(place, making);
      return { ...note, name, folder: place };
    } catch (error) {
      throw inWords(error, place, "written");
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  });
}

/** Tells whether two folders hold the same model, byte for byte. */
function isSameModel(made: string, place: string): boolean {
  return readdirSync(made).every((name) => {
    const known = join(place, name);
    return existsSync(known) && readFileSync(known).equals(readFileSync(join(made, name)));
  });
}

/** Copies the exports of a model that will be replaced into the folder of the new one. */
function keepExports(place: string, making: string): void {
  if (!existsSync(place)) return;
  const before = readdirSync(place).filter((name) => name.startsWith("export_before"));
  for (const name of before) cpSync(join(place, name), join(making, name), { recursive: true });
  if (!existsSync(join(place, "export"))) return;
  const kept = before.length === 0 ? "export_before" : `export_before_${before.length + 1}`;
  cpSync(join(place, "export"), join(making, kept), { recursive: true });
  notice(
    `${basename(place)} is another model now: the exports of the one before are in ${join(place, kept)}.`,
  );
}
