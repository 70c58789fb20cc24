// Fits a whitened or LDA model, and writes it below checkpoints/. Shapes: N images, F numbers of the base.
import { basename } from "node:path";
import { UserError } from "../common/errors";
import { pickLabels } from "../common/labels";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { pickRows, type Vectors } from "../common/vectors";
import { atEvaluationSize } from "../config/model";
import type { ComparisonSettings } from "../config/parts";
import { dataFolder } from "../config/paths";
import type { Embedder } from "../embedding/embedder";
import { BACKBONE, type FoundModel, findModel, openModel } from "../embedding/find_model";
import {
  requireTransformPlace,
  type TransformKind,
  type TransformModel,
  type TransformNote,
  writeTransform,
} from "../embedding/transform_model";
import { embedPhotos } from "../features/embed_photos";
import { NO_CLASS, readImageList } from "../features/image_list";
import { fitLda } from "../retrieval/lda";
import type { Reduction } from "../retrieval/reduction";
import { fitWhitening } from "../retrieval/whitening";
import { readTrainImages, type TrainImages } from "./transform_rungs";

/** A request to fit a model without training. */
export interface TransformRequest extends ProgressOptions {
  /** Name of the model, and of its folder below `checkpoints/`. */
  name: string;
  /** `whitened`: needs no classes; `lda`: needs images of two classes or more. */
  kind: TransformKind;
  /** Settings of the backbone; without `photos` also the data directory, whose training images the model is fitted to. */
  config: ComparisonSettings;
  /** The training images of the data directory, if they have been read already. */
  train?: TrainImages | undefined;
  /** Photos to fit to: a folder, a table or a list, as `guie embed` takes them. */
  photos?: string | undefined;
  /** The model whose vectors are mapped, as `findModel` takes it. Default: the config's backbone. */
  model?: string | undefined;
  /** Replace a whitened or LDA model of this name. */
  overwrite?: boolean | undefined;
}

/** Images to fit to, with their vectors by the base. */
interface FittedImages {
  /** The folder that the paths are below. */
  folder: string;
  files: readonly string[];
  /** [N, F]. */
  vectors: Vectors;
  /** [N]; undefined if the images have no classes. */
  labels: ArrayLike<number> | undefined;
  /** Names "data set/class name" of these classes, as far as known. */
  classes: readonly string[];
}

/**
 * Fits a whitening or an LDA to the vectors of images, in closed form, and writes it as a model: `findModel`,
 * `loadEmbedder` and all commands find it by its name. Its vectors have unit length. Fit it to index or training images,
 * never to queries.
 * @throws UserError if there are too few images or, for `lda`, no two classes; for a name that is reserved, or taken by
 * a run, or by such a model without `overwrite`
 * @example
 * const config = preset("demo", "frozen");
 * await fitTransformModel({ name: "shop_whitened", kind: "whitened", config, photos: "photos" });
 */
export async function fitTransformModel(request: TransformRequest): Promise<TransformModel> {
  const { name, kind, model, overwrite = false, onProgress } = request;
  const config = atEvaluationSize(request.config);
  requireTransformPlace(name, overwrite);
  const found = await findModel(model, config, { onProgress });
  const base = baseNote(found, model);
  const embedder = openModel(found);
  try {
    const images = await imagesOf({ ...request, config }, embedder);
    const reduction = await fit(kind, images);
    const note: TransformNote = {
      kind,
      base,
      madeBy: embedder.madeBy,
      length: reduction.to,
      fittedTo: {
        folder: images.folder,
        images: images.files.length,
        ...(kind === "lda" ? { classes: new Set(Array.from(images.labels!)).size } : {}),
      },
      learned: kind === "lda" ? [...images.classes] : [],
    };
    return await writeTransform(name, note, reduction, images.files, { overwrite });
  } finally {
    embedder.dispose();
  }
}

async function fit(kind: TransformKind, { vectors, labels, folder }: FittedImages): Promise<Reduction> {
  if (kind === "lda") {
    if (labels) return fitLda(vectors, labels);
    throw new UserError(
      `LDA needs images with classes: those of ${folder} have none.`,
      "Put them into a folder per class, or leave --lda out: a whitening needs no classes.",
    );
  }
  const reduction = await fitWhitening(vectors);
  if (reduction) return reduction;
  throw new UserError(
    `Whitening needs 16 images or more, of which some differ; ${folder} has ${vectors.count}.`,
    "Search with the backbone as it is: npx guie serve PHOTOS",
  );
}

/** Reads the images to fit to, and embeds those that are not yet embedded. */
async function imagesOf(
  { photos, config, train, onProgress }: TransformRequest,
  embedder: Embedder,
): Promise<FittedImages> {
  if (photos === undefined) {
    const { files, labels, classes = [] } = train ?? (await readTrainImages(config));
    const vectors = await embedder.embed(config.dataDir, "train", files, { onProgress });
    return { folder: config.dataDir, files, vectors, labels, classes };
  }
  const list = await readImageList(projectPath(photos), dataFolder(config));
  const { folder, rows } = list;
  const names = rows.classNames ?? [];
  const { vectors, files, places } = await embedPhotos(embedder, list, { onProgress });
  const labels = rows.labels && pickLabels(rows.labels, places);
  const unlabelled = names.indexOf(NO_CLASS);
  const kept = files.flatMap((_, row) => (unlabelled >= 0 && labels?.[row] === unlabelled ? [] : row));
  return {
    folder,
    files: kept.map((row) => files[row]!),
    vectors: kept.length === files.length ? vectors : pickRows(vectors, kept),
    labels: labels && pickLabels(labels, kept),
    classes: names.filter((name) => name !== NO_CLASS).map((name) => `${basename(folder)}/${name}`),
  };
}

function baseNote(found: FoundModel, reference = BACKBONE): TransformNote["base"] {
  if (found.kind === "transform")
    throw new UserError(
      `${reference} is a whitened or LDA model already.`,
      "Fit to a run or a backbone: --model RUN.",
    );
  if (found.kind === "run") return { run: reference };
  const { tower, weights, imageSize, resizeMode, lastBlocks, patchPooling, gemPower, precision, seed } =
    found.config;
  return { tower, weights, imageSize, resizeMode, lastBlocks, patchPooling, gemPower, precision, seed };
}
